"""The catalogues: every string has a translation in each, and the pages are in the language of their reader."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import polib
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from codlet_sessions.api import sessions
from codlet_sessions.carrying import PASSWORD
from codlet_sessions.records import ClientFacts
from tests.documentation import TOP
from tests.engine.conftest import ada, engine  # noqa: F401
from tests.test_recent import long_ago

LOCALE = TOP / "codlet_sessions" / "locale"
LANGUAGES = ["ar", "de", "es", "fr", "ja", "pt_BR"]
PLURAL_FORMS = {"ar": 6, "de": 2, "es": 3, "fr": 3, "ja": 1, "pt_BR": 2}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|</?\w+>")


def po(language):
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def entries(catalogue):
    """The strings of a catalogue, each with its translations: one, or one for each plural form."""
    return {entry.msgid: entry.msgstr_plural or {0: entry.msgstr} for entry in catalogue}


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """Every string that is marked for translation in the package, as ``makemessages`` finds them."""
    if not shutil.which("xgettext"):
        pytest.skip("There is no xgettext; the package 'gettext' has it.")
    package = tmp_path_factory.mktemp("marked") / "codlet_sessions"
    shutil.copytree(TOP / "codlet_sessions", package, ignore=shutil.ignore_patterns("locale", "__pycache__"))
    (package / "locale" / "de" / "LC_MESSAGES").mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "django", "makemessages", "--locale=de"]
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {entry.msgid for entry in polib.pofile(package / "locale" / "de" / "LC_MESSAGES" / "django.po")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_marked_string_has_a_translation_that_somebody_has_looked_at(language, marked):
    catalogue = polib.pofile(po(language))
    assert {entry.msgid for entry in catalogue} == marked
    assert [entry.msgid for entry in catalogue if not entry.translated() or entry.obsolete] == []
    assert not catalogue.metadata_is_fuzzy


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language):
    written, compiled = polib.pofile(po(language)), polib.mofile(po(language).with_suffix(".mo"))
    assert entries(compiled) == entries(written)
    assert compiled.metadata["Plural-Forms"] == written.metadata["Plural-Forms"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_and_markup_are_the_same_in_every_language(language):
    for source, forms in entries(polib.pofile(po(language))).items():
        for text in forms.values():
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(source)), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_has_every_form_that_the_language_has(language):
    catalogue = polib.pofile(po(language))
    counted = [sorted(entry.msgstr_plural) for entry in catalogue if entry.msgid_plural]
    assert counted
    assert counted == [list(range(PLURAL_FORMS[language]))] * len(counted)
    assert catalogue.metadata["Plural-Forms"].startswith(f"nplurals={PLURAL_FORMS[language]};")


def test_no_language_is_there_that_is_not_looked_at():
    assert sorted(path.name for path in LOCALE.iterdir()) == LANGUAGES


class _Words(HTMLParser):
    """Collects what a reader of a page gets to read: not what somebody typed, and no names."""

    def __init__(self):
        super().__init__()
        self.html, self.texts, self._silent = {}, [], 0

    def handle_starttag(self, tag, attrs):
        if tag == "html":
            self.html = dict(attrs)
        if tag in ("bdi", "time", "svg"):
            self._silent += 1
        self.texts += [value for name, value in attrs if name in ("aria-label", "title", "alt", "placeholder")]

    def handle_endtag(self, tag):
        if tag in ("bdi", "time", "svg"):
            self._silent -= 1

    def handle_data(self, data):
        if data.strip() and not self._silent:
            self.texts.append(" ".join(data.split()))


def read(text):
    words = _Words()
    words.feed(text)
    return words


@pytest.fixture
def pages(ada, settings):  # noqa: F811
    """Every page of ours, as a function of the language."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]

    def render(language):
        code = language.replace("_", "-").lower()
        client = Client(headers={"accept-language": code})
        sign_in = client.get("/accounts/login/").text
        client.cookies["sessionid"] = sessions.issue(ada).secret.expose()
        alone = client.get("/account/sessions/").text
        for _ in range(3):
            sessions.issue(ada, client=ClientFacts("Firefox", "203.0.113.0"))
        client.post(f"/account/sessions/{sessions.list_active(ada)[0].id}/end/")
        client.post("/account/sessions/end-others/")
        sessions.issue(ada)
        noticed = client.get("/account/sessions/").text
        long_ago()
        photo = SimpleUploadedFile("me.png", b"png")
        with translation.override(code):
            bare = [render_to_string(f"codlet_sessions/{name}.html") for name in ("unavailable", "limit_reached")]
        return [
            sign_in,
            alone,
            noticed,
            client.get("/account/sessions/").text,
            client.get("/account/sessions/confirm/").text,
            client.post("/s/gated/", {"a": "1", PASSWORD: "wrong"}).text,
            client.post("/s/gated/", {"a": "1", "photo": photo}).text,
            *bare,
        ]

    return render


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_in_the_language_of_its_reader_and_says_so(pages, language):
    said = [read(text) for text in pages(language)]
    assert {words.html["lang"] for words in said} == {language.replace("_", "-").lower()}
    assert {words.html["dir"] for words in said} == {"rtl" if language == "ar" else "ltr"}
    texts = {text for words in said for text in words.texts}
    assert len(texts) > 25
    assert texts & {text for page in pages("en") for text in read(page).texts} == set()


def test_the_pages_say_in_english_what_the_catalogues_know(pages, marked):
    """So that the test above looks for the right words."""
    said = {text for page in pages("en") for text in read(page).texts}
    names = {"Password of ada", "Username:", "Password:", "Username", "Password", "ada"}
    assert {text for text in said - marked - names if not text.startswith(("1 other", "2 other"))} == set()
