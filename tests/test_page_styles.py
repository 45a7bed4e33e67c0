"""The frame of the pages: also where nothing has been collected, and in a site that has one of its own."""

import pytest
from django.template.loader import render_to_string

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


@pytest.mark.parametrize("page", ["unavailable", "limit_reached", "base"])
def test_a_page_has_the_stylesheet(page):
    assert '<link rel="stylesheet" href="/static/codlet_sessions/pages.css">' in render_to_string(
        f"codlet_sessions/{page}.html"
    )


@pytest.mark.parametrize("page", ["unavailable", "limit_reached", "base"])
def test_a_page_is_there_without_its_stylesheet(page, settings):
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": MANIFEST}}
    assert "<link" not in render_to_string(f"codlet_sessions/{page}.html")


def test_the_page_of_an_outage_asks_a_sites_own_frame_for_nothing(settings, tmp_path):
    (tmp_path / "codlet_sessions").mkdir()
    (tmp_path / "codlet_sessions" / "base.html").write_text("{{ request.user }} is asked for")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert "asked for" in render_to_string("codlet_sessions/limit_reached.html")
    assert "asked for" not in render_to_string("codlet_sessions/unavailable.html")
