"""How the documentation is built: ``python -m sphinx -W -b html docs docs/_build/html``. Needs no environment."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

import django
from django.conf import settings
from sphinx.ext.napoleon.docstring import GoogleDocstring

sys.path.insert(0, str(Path(__file__).parent.parent))

# Enough of a site for autodoc to import the models. Nothing is read from a database, and nothing is signed.
settings.configure(
    SECRET_KEY="only for building the documentation",  # noqa: S106
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "codlet_sessions",
    ],
)
django.setup()

project = "django-codlet-sessions"
author = "The codlet_sessions maintainers"
copyright = "2026, " + author  # noqa: A001  # Sphinx's name for it
release = version = version_of(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "figures/*.md"]  # the tables by themselves, which pages have between markers
default_role = "py:obj"  # `Name` in a docstring is code, and a link where there is something to link to
nitpicky = False
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88


# Napoleon takes whatever stands before a colon for a type. In our docstrings, what a function returns is a sentence,
# colon or not, and its type is in the signature.
def _returned(self: GoogleDocstring, preprocess_types: bool = False) -> list[tuple[str, str, list[str]]]:
    return [("", "", _lines(self, self._consume_to_next_section()))]


def _described(self: GoogleDocstring) -> tuple[str, list[str]]:
    return "", _lines(self, self._consume_to_end())


def _lines(docstring: GoogleDocstring, text: list[str]) -> list[str]:
    return GoogleDocstring(docstring._dedent(text), docstring._config).lines()


GoogleDocstring._consume_returns_section = _returned
GoogleDocstring._consume_inline_attribute = _described

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sphinx = False
html_copy_source = False
