"""Sessions over time, in the admin: what is drawn, from what, for whom."""

import re
from datetime import timedelta

import django
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions.admin import over_time
from codlet_sessions.admin.over_time import abbreviated
from codlet_sessions.api import sessions
from codlet_sessions.census import day_of, take_census
from codlet_sessions.models import Census
from codlet_sessions.querysets import State
from tests.admin_pages import InlineCode, staff_with, text_of
from tests.factories import SessionFactory

if django.VERSION >= (6, 1):
    from django.utils.csp import CSP

pytestmark = pytest.mark.django_db

LIST = "/admin/codlet_sessions/session/"
PAGE = f"{LIST}over-time/"


def counted(ago=0, state="active", key="2026-11", count=1):
    day = day_of(timezone.now()) - timedelta(days=ago)
    return Census.objects.create(day=day, state=state, key_version=key, count=count)


def drawings(client, **query):
    return client.get(PAGE, query).context["drawings"]


def drawn(drawing):
    """Return the numbers of a drawing's latest day, by name."""
    return dict(zip(drawing.names, drawing.figures[0][1], strict=True))


class TestPermission:
    @pytest.mark.parametrize("codenames", [[], ["revoke_session"], ["view_user"]])
    def test_who_may_not_look_at_sessions_may_not_look_at_how_many(self, codenames):
        counted()
        assert staff_with(*codenames).get(PAGE).status_code == 403

    def test_who_may_look_may_look(self):
        counted()
        client = staff_with("view_session")
        assert "By state" in text_of(client.get(PAGE))
        assert f'href="{PAGE}"' in text_of(client.get(LIST))

    def test_whoever_has_not_signed_in_is_asked_to(self, client):
        assert "/admin/login/" in client.get(PAGE).headers["Location"]


class TestFigures:
    def test_the_states_of_a_day_are_summed_over_the_keys(self, admin_client):
        counted(count=3), counted(key="2026-05", count=4)
        counted(state="expired", count=5), counted(state="revoked", key="lost", count=6)
        states, _keys = drawings(admin_client)
        assert drawn(states) == {"active": "7", "expired": "5", "revoked": "6"}

    def test_keys_are_those_of_active_sessions_and_the_one_that_runs_out_is_at_the_bottom(self, admin_client):
        counted(count=3), counted(key="2026-05", count=4), counted(key="lost", count=1), counted(key="gone", count=1)
        counted(state="revoked", key="2026-05", count=9)
        _states, keys = drawings(admin_client)
        assert drawn(keys) == {"not in the key ring": "2", "2026-05": "4", "2026-11": "3"}
        assert [layer.css for layer in keys.chart.layers] == ["codlet-of-lost", "codlet-of-old-1", "codlet-of-active"]

    def test_keys_that_nothing_is_under_are_not_drawn_but_the_active_one(self, admin_client):
        counted(state="revoked")
        _states, keys = drawings(admin_client)
        assert [layer.name for layer in keys.chart.layers] == ["2026-11"]

    def test_a_day_without_an_active_session_is_none_that_nobody_counted(self, admin_client):
        counted(ago=1), counted(state="revoked")
        for drawing in drawings(admin_client):
            assert len(drawing.chart.columns) == 2
            assert drawn(drawing)[{"codlet-states": "active", "codlet-keys": "2026-11"}[drawing.id]] == "0"

    def test_how_many_are_still_under_an_old_key_is_said_in_a_sentence(self, admin_client):
        counted(ago=1, key="2026-05", count=1000)
        counted(count=3000), counted(key="2026-05", count=1000)
        page = " ".join(text_of(admin_client.get(PAGE)).split())
        assert (
            "<strong>1,000</strong> of 4,000 active sessions (25.0 %) are under another key than"
            " <strong>2026-11</strong>." in page
        )

    def test_numbers_can_be_read_without_the_picture(self, admin_client):
        counted(ago=1, count=1_234_567), counted(count=2)
        states, _keys = drawings(admin_client)
        assert [(row[1][0]) for row in states.figures] == ["2", "1,234,567"]
        page = text_of(admin_client.get(PAGE))
        assert "<td>1,234,567</td>" in page
        assert page.count("<details>") == page.count('role="img"') == 2

    def test_a_day_says_its_numbers_when_it_is_pointed_at(self, admin_client):
        counted(count=1200), counted(state="revoked", count=3)
        assert "1,200 active, 0 expired, 3 revoked</title>" in text_of(admin_client.get(PAGE))

    def test_what_a_real_census_counted_is_what_is_drawn(self, admin_client):
        SessionFactory.create_batch(2), SessionFactory(expired=True), SessionFactory(revoked=True)
        take_census()
        states, _keys = drawings(admin_client)
        assert drawn(states) == {"active": "2", "expired": "1", "revoked": "1"}
        assert [one.css for one, _count in states.legend] == [
            "codlet-of-revoked",
            "codlet-of-expired",
            "codlet-of-active",
        ]


class TestPeriod:
    @pytest.mark.parametrize(("query", "days"), [({}, 90), ({"days": "30"}, 30), ({"days": "400"}, 400)])
    def test_days_before_the_period_are_left_out(self, admin_client, query, days):
        counted(), counted(ago=days - 1), counted(ago=days)
        states, _keys = drawings(admin_client, **query)
        assert len(states.figures) == 2

    @pytest.mark.parametrize("days", ["", "-1", "1e9", "31", "x", "99999999999999999999", "<b>"])
    def test_an_unknown_period_is_the_usual_one(self, admin_client, days):
        counted()
        assert '<strong aria-current="page">90 days</strong>' in text_of(admin_client.get(PAGE, {"days": days}))


class TestNothingCounted:
    def test_a_small_table_is_counted_for_the_page_and_it_says_what_to_run(self, admin_client):
        SessionFactory.create_batch(2)
        response = admin_client.get(PAGE)
        assert drawn(response.context["drawings"][0])["active"] == "2"
        assert "Run <code>manage.py purge_sessions</code> once a day" in text_of(response)
        assert Census.objects.count() == 0

    def test_a_big_table_is_not(self, admin_client, monkeypatch):
        monkeypatch.setattr(over_time, "COUNTED_LIVE", 2)
        SessionFactory.create_batch(3)
        with CaptureQueriesContext(connection) as queries:
            page = text_of(admin_client.get(PAGE))
        assert "Nobody has counted the sessions in these days." in page
        assert "Run <code>manage.py purge_sessions</code> once a day" in page
        assert "<details>" not in page
        asked = [query["sql"] for query in queries if "codlet_sessions_session" in query["sql"]]
        assert len(asked) == 1
        assert "LIMIT 3" in asked[0]

    def test_an_empty_table_is_a_page_too(self, admin_client):
        assert "manage.py purge_sessions" in text_of(admin_client.get(PAGE))


class TestCost:
    def test_a_year_of_figures_is_one_query_and_none_of_the_table_of_sessions(self, admin_client):
        def cost():
            with CaptureQueriesContext(connection) as queries:
                text_of(admin_client.get(PAGE, {"days": 400}))
            return len(queries), [query["sql"] for query in queries if "codlet_sessions" in query["sql"]]

        counted()
        with_a_day, _ours = cost()
        for ago in range(1, 100):
            for state in State:
                counted(ago, state, "2026-11", 10**6), counted(ago, state, "2026-05", 10**6)
        with_many, (query,) = cost()
        assert with_many == with_a_day
        assert "codlet_sessions_census" in query


class TestMarkup:
    @pytest.mark.skipif(django.VERSION < (6, 1), reason="the admin of this Django has no nonces")
    def test_its_styles_carry_the_nonce_of_a_policy_that_trusts_nothing_else(self, admin_client, settings):
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.csp.ContentSecurityPolicyMiddleware"]
        settings.SECURE_CSP = {"default-src": ["'none'"], "style-src": [CSP.NONCE], "script-src": [CSP.NONCE]}
        (templates,) = settings.TEMPLATES
        processors = [*templates["OPTIONS"]["context_processors"], "django.template.context_processors.csp"]
        settings.TEMPLATES = [{**templates, "OPTIONS": {"context_processors": processors}}]
        counted()
        response = admin_client.get(PAGE)
        (nonce,) = set(re.findall(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"]))
        sheets = re.findall(r'<link[^>]*rel="stylesheet"[^>]*>', text_of(response))
        assert any("codlet_sessions/admin.css" in sheet for sheet in sheets)
        assert all(f'nonce="{nonce}"' in sheet for sheet in sheets)

    @pytest.mark.parametrize("days", ["30", "400"])
    def test_it_needs_no_inline_code(self, admin_client, days):
        counted(), counted(ago=3, state="revoked")
        assert InlineCode(text_of(admin_client.get(PAGE, {"days": days}))).found == []

    def test_a_key_version_cannot_put_markup_on_the_page(self, admin_client, settings):
        keys = {"<b>new</b>": "n" * 32, "<i>old</i>": "o" * 32}
        settings.CODLET_SESSIONS = settings.CODLET_SESSIONS | {"KEYS": keys}
        assert sessions.hasher.key_ring.active_version == "<b>new</b>"
        counted(key="<b>new</b>"), counted(key="<i>old</i>"), counted(key="<u>lost</u>")
        page = text_of(admin_client.get(PAGE))
        assert "&lt;b&gt;new" in page
        assert "&lt;i&gt;old" in page
        assert re.findall(r"<b>new|<i>old|<u>lost", page) == []

    def test_coordinates_are_written_as_svg_wants_them_in_every_language(self, admin_client, settings):
        settings.LANGUAGE_CODE, settings.USE_THOUSAND_SEPARATOR = "de", True
        counted(count=1_500_000)
        page = text_of(admin_client.get(PAGE, headers={"accept-language": "de"}))
        picture = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
        numbers = re.findall(r' (?:x|y|d|width|height|viewBox)="([^"]*)"', picture)
        assert numbers
        assert not any("," in number for number in numbers)
        assert ">1,5M<" in picture


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1500, "1.5k"), (20_000_000, "20M"), (2_500_000_000, "2.5G")],
)
def test_an_axis_says_large_numbers_briefly(count, said):
    assert abbreviated(count) == said
