"""Sessions in the admin: what is seen, who may revoke, and what a revocation leaves behind."""

import re

import django
import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from codlet_sessions.admin import SessionAdmin
from codlet_sessions.admin.listing import BoundedPaginator
from codlet_sessions.admin.plans import MAX_LISTED
from codlet_sessions.admin.reasons import LABELS
from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreUnavailable
from codlet_sessions.models import Session
from codlet_sessions.records import RevocationReason
from codlet_sessions.stores.orm import OrmSessionStore
from tests.admin_pages import Forms, InlineCode, confirm, history_of, is_active, messages_of, staff_with, text_of
from tests.browsers import COOKIE
from tests.factories import SessionFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/codlet_sessions/session/"
NOT_ACTIVE = "None of these sessions is active: there is nothing to revoke."
ACTIONS = ["revoke_selected", "revoke_subjects"]


@pytest.fixture
def small_bound(monkeypatch):
    """The list pages through no more than three sessions."""
    monkeypatch.setattr(SessionAdmin, "paginator", type("SmallPaginator", (BoundedPaginator,), {"bound": 3}))


@pytest.fixture
def session():
    return SessionFactory()


def url_of(session, page="change"):
    return reverse(f"admin:codlet_sessions_session_{page}", args=[session.pk])


def listed(client, **query):
    return list(client.get(LIST, query).context["cl"].result_list)


def ask(client, action, *chosen, where=LIST, **extra):
    fields = {"action": action, "_selected_action": [session.pk for session in chosen], "index": 0, **extra}
    return client.post(where, fields)


def revoke(client, action, *chosen):
    return confirm(client, ask(client, action, *chosen))


def ask_on_its_page(client, session, action):
    """Start an action on a session's own page, by what this Django has there for it."""
    page = text_of(client.get(url_of(session)))
    if django.VERSION >= (6, 1):
        assert f'value="{action}"' in page
        fields = {
            "CHANGE_FORM-action": action,
            "CHANGE_FORM-select_across": 0,
            "_selected_action": session.pk,
            "index": 0,
        }
        return client.post(url_of(session), fields)
    form = next(form for form in Forms(page).forms if form[1].get("action") == action)
    return client.post(form[0], form[1])


class TestList:
    def test_the_newest_session_is_on_top_whatever_the_address_asks_for(self, admin_client):
        old, new = SessionFactory(), SessionFactory()
        Session.objects.filter(pk=old.pk).update(key_version="2026-05")
        assert listed(admin_client) == [new, old]
        assert listed(admin_client, o="7") == [new, old]

    @pytest.mark.parametrize("state", ["active", "expired", "revoked"])
    def test_a_state_is_said_in_a_word_and_found_by_its_filter(self, admin_client, state):
        SessionFactory(), SessionFactory(expired=True), SessionFactory(revoked=True)
        SessionFactory(expired=True, revoked_at=timezone.now())
        response = admin_client.get(LIST, {"state": state})
        badges = re.findall(r'class="codlet-state codlet-(\w+)">(\w+)<', text_of(response))
        assert badges == [(state, state)] * (2 if state == "revoked" else 1)

    def test_an_unknown_state_is_an_empty_list(self, admin_client, session):
        assert listed(admin_client, state="asleep") == []

    def test_the_key_version_filter_offers_the_key_ring_and_the_rest(self, admin_client):
        SessionFactory(key_version="2026-05"), SessionFactory(key_version="2026-11"), SessionFactory(key_version="lost")
        page = text_of(admin_client.get(LIST))
        assert "?key_version=2026-05" in page
        assert "other (not in the key ring)" in page
        assert [session.key_version for session in listed(admin_client, key_version="2026-05")] == ["2026-05"]
        assert [session.key_version for session in listed(admin_client, key_version=" ")] == ["lost"]

    def test_a_subject_leads_to_its_user(self, admin_client):
        user = UserFactory(username="ada")
        SessionFactory(user=user)
        link = reverse("admin:auth_user_change", args=[user.pk])
        assert f'<a href="{link}">ada</a>' in text_of(admin_client.get(LIST))

    def test_a_viewer_who_may_not_see_users_gets_the_name_without_the_way_there(self):
        user = UserFactory(username="ada")
        SessionFactory(user=user)
        page = text_of(staff_with("view_session").get(LIST))
        assert "ada" in page
        assert reverse("admin:auth_user_change", args=[user.pk]) not in page

    def test_without_an_admin_of_users_there_is_no_way_there(self, admin_client, monkeypatch):
        user = UserFactory(username="ada")
        SessionFactory(user=user)
        monkeypatch.delitem(admin.site._registry, type(user))
        assert ">ada<" not in text_of(admin_client.get(LIST))
        assert listed(admin_client)[0].facts.user_name == "ada"

    def test_the_session_of_a_deleted_user_is_still_listed(self, admin_client):
        user = UserFactory()
        session = SessionFactory(user=user, subject=f"{user.pk}")
        user.delete()
        for page in (LIST, url_of(session)):
            assert "deleted user" in text_of(admin_client.get(page))

    def test_an_anonymous_session_is_called_so(self, admin_client):
        SessionFactory(subject="")
        assert "anonymous" in text_of(admin_client.get(LIST))

    def test_a_subject_cannot_put_markup_on_the_page(self, admin_client):
        SessionFactory(subject="<b>bold</b>", revoked=True, revoked_reason="<i>", revoked_by="<u>")
        page = text_of(admin_client.get(LIST))
        assert "&lt;b&gt;bold" in page
        assert not {"<b>bold", "<i>", "<u>"} & set(re.findall(r"<b>bold|<i>|<u>", page))

    def test_who_revoked_is_named(self, admin_client):
        user = UserFactory(username="grace")
        SessionFactory(revoked=True, revoked_reason="administrator", revoked_by=str(user.pk))
        page = text_of(admin_client.get(LIST))
        assert '<td class="field-by_whom">grace</td>' in page
        assert '<td class="field-why_it_ended">ended by an administrator <span' in page

    def test_every_reason_is_said_in_words_and_found_by_its_filter(self, admin_client):
        rows = {reason: SessionFactory(revoked=True, revoked_reason=reason) for reason in LABELS}
        rows[" "] = SessionFactory(revoked=True, revoked_reason="stolen laptop")
        SessionFactory(), SessionFactory(expired=True)
        page = text_of(admin_client.get(LIST))
        assert all(str(label) in page for label in LABELS.values())
        for reason, session in rows.items():
            assert listed(admin_client, reason=reason) == [session]
        assert {*RevocationReason} <= {*LABELS}

    def test_a_word_of_the_site_is_shown_as_it_is(self, admin_client):
        session = SessionFactory(revoked=True, revoked_reason="stolen laptop")
        for url in (LIST, url_of(session)):
            assert "stolen laptop" in text_of(admin_client.get(url))

    def test_a_reason_that_nobody_gave_is_an_empty_list(self, admin_client, session):
        assert listed(admin_client, reason="boredom") == []

    def test_of_an_expired_session_it_says_that_its_time_ran_out(self, admin_client):
        SessionFactory(expired=True)
        assert '<td class="field-why_it_ended">its time ran out</td>' in text_of(admin_client.get(LIST))

    def test_what_has_not_ended_has_no_reason(self, admin_client, session):
        page = text_of(admin_client.get(LIST))
        assert '<td class="field-why_it_ended">-</td><td class="field-by_whom">-</td>' in page

    @pytest.mark.parametrize("revoker", ["device:7", "4711", "04000042", "9" * 30])
    def test_a_revoker_who_is_no_user_is_shown_as_written_down(self, admin_client, revoker):
        UserFactory(pk=4_000_042)
        SessionFactory(revoked=True, revoked_by=revoker)
        assert f'<td class="field-by_whom">{revoker}</td>' in text_of(admin_client.get(LIST))

    def test_a_list_without_sessions_is_a_page_too(self, admin_client):
        assert "0 sessions" in text_of(admin_client.get(LIST))


class TestSearch:
    def test_an_id_is_found_with_and_without_dashes(self, admin_client, session):
        SessionFactory()
        assert listed(admin_client, q=str(session.pk)) == [session]
        assert listed(admin_client, q=session.pk.hex) == [session]

    def test_a_subject_is_found_whole_and_only_whole(self, admin_client):
        session = SessionFactory(subject="device:one")
        assert listed(admin_client, q=" device:one ") == [session]
        assert listed(admin_client, q="device:") == []

    def test_a_user_name_finds_the_sessions_of_the_user(self, admin_client):
        user = UserFactory(username="ada")
        session = SessionFactory(user=user)
        SessionFactory()
        assert listed(admin_client, q="ada") == [session]

    def test_a_subject_that_looks_like_an_id_is_found(self, admin_client):
        session = SessionFactory(subject="01a20b28-e8c5-793e-941c-b47300a60431")
        assert listed(admin_client, q=session.subject) == [session]

    @pytest.mark.parametrize("term", ["nobody", "0" * 40, "9" * 30, "01a20b28-e8c5", "%", "' OR 1=1 --", "x" * 5000])
    def test_a_term_that_names_nothing_gives_an_empty_list(self, admin_client, session, term):
        assert listed(admin_client, q=term) == []

    def test_a_user_name_field_that_cannot_hold_the_term_is_not_asked(self, admin_client, session, monkeypatch):
        monkeypatch.setattr("django.contrib.auth.models.User.USERNAME_FIELD", "date_joined")
        assert listed(admin_client, q="not a date") == []

    def test_blanks_find_everything(self, admin_client, session):
        assert listed(admin_client, q="  ") == [session]

    def test_a_lookup_key_finds_nothing(self, admin_client, session):
        assert listed(admin_client, q=session.lookup_key) == []

    @pytest.mark.parametrize(
        "lookup", ["lookup_key", "lookup_key__startswith", "data__contains", "user__password__startswith"]
    )
    def test_the_address_cannot_ask_about_hidden_columns(self, admin_client, session, lookup):
        assert admin_client.get(LIST, {lookup: "a"}).status_code == 400

    def test_people_are_told_what_can_be_searched(self, admin_client):
        assert "The whole id, subject or user name." in text_of(admin_client.get(LIST))


class TestBigTable:
    def test_the_list_says_where_it_stops(self, admin_client, small_bound):
        SessionFactory.create_batch(4)
        response = admin_client.get(LIST)
        assert "The newest 3 are listed" in text_of(response)
        assert response.context["cl"].result_count == 3

    def test_a_list_that_fits_says_nothing_of_the_kind(self, admin_client, small_bound):
        SessionFactory.create_batch(3)
        assert "are listed;" not in text_of(admin_client.get(LIST))

    def test_the_newest_are_those_that_are_listed(self, admin_client, small_bound, monkeypatch):
        monkeypatch.setattr(SessionAdmin, "list_per_page", 2)
        _oldest, *rest = SessionFactory.create_batch(4)
        assert [*listed(admin_client), *listed(admin_client, p=2)] == rest[::-1]

    @pytest.mark.parametrize(
        "query",
        [{}, {"state": "active"}, {"key_version": " "}, {"reason": "logout"}, {"q": "nobody"}, {"_facets": "True"}],
    )
    def test_nothing_counts_or_distincts_the_whole_table(self, admin_client, session, query):
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(LIST, query)
        counts = [q["sql"] for q in queries if "codlet_sessions_session" in q["sql"] and "COUNT" in q["sql"].upper()]
        assert len(counts) == 1
        assert "LIMIT 10001" in counts[0]
        assert not any("DISTINCT" in q["sql"].upper() for q in queries)

    def test_more_sessions_cost_no_more_queries(self, admin_client):
        def fill(count):
            for number in range(count):
                revoker = UserFactory()
                SessionFactory(user=UserFactory(), revoked=bool(number % 2), revoked_by=str(revoker.pk))
            SessionFactory(user=UserFactory()).user.delete()

        def cost():
            with CaptureQueriesContext(connection) as queries:
                text_of(admin_client.get(LIST))
            return len(queries)

        fill(5)
        with_five = cost()
        fill(55)
        assert len(listed(admin_client)) == 62
        assert cost() == with_five


class TestSecrecy:
    def test_no_page_has_a_lookup_key_or_data_and_none_reads_them(self, admin_client):
        user = UserFactory()
        rows = [SessionFactory(user=user, data="what is in the cart", **state) for state in STATES]
        with CaptureQueriesContext(connection) as queries:
            pages = b"".join(response.content for response in _every_page(admin_client, rows))
        for row in rows:
            assert row.lookup_key.encode() not in pages.lower()
            assert bytes.fromhex(row.lookup_key) not in pages
        assert b"in the cart" not in pages
        read = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
        assert not any("lookup_key" in sql or re.search(r'["`]data["`]', sql) for sql in read)

    def test_no_page_needs_inline_code(self, admin_client):
        rows = [SessionFactory(**state) for state in STATES]
        for response in _every_page(admin_client, rows):
            assert InlineCode(text_of(response)).found == []


STATES = [{}, {"expired": True}, {"revoked": True}]


def _every_page(client, rows):
    yield client.get("/admin/")
    yield client.get(LIST)
    yield client.get(LIST, {"state": "active", "key_version": "2026-11"})
    for action in ACTIONS:
        yield ask(client, action, *rows)
    yield ask_on_its_page(client, rows[0], "revoke_selected")
    yield revoke(client, "revoke_selected", rows[0])
    for row in rows:
        yield client.get(url_of(row))
        yield client.get(url_of(row, "history"))


class TestReadOnly:
    @pytest.mark.parametrize("page", ["add/", "delete/"])
    def test_nobody_adds_or_deletes(self, admin_client, session, page):
        url = LIST + page if page == "add/" else url_of(session, "delete")
        assert admin_client.get(url).status_code == 403
        assert admin_client.post(url, {"post": "yes"}).status_code == 403
        assert Session.objects.count() == 1

    def test_nobody_edits(self, admin_client, session):
        assert admin_client.post(url_of(session), {"subject": "me"}).status_code == 403
        assert Forms(text_of(admin_client.get(url_of(session)))).with_field("csrfmiddlewaretoken")
        assert 'name="subject"' not in text_of(admin_client.get(url_of(session)))

    def test_deleting_the_selected_is_no_action(self, admin_client, session):
        ask(admin_client, "delete_selected", session, post="yes")
        assert "delete_selected" not in text_of(admin_client.get(LIST))
        assert Session.objects.count() == 1

    def test_a_page_shows_what_is_known_of_a_session(self, admin_client):
        session = SessionFactory(
            revoked=True, revoked_by="device:7", user_agent="Lynx", ip_address="192.0.2.1", subject="device:42"
        )
        page = text_of(admin_client.get(url_of(session)))
        for fact in (str(session.pk), "device:42", "2026-11", "Lynx", "192.0.2.1", "device:7", "Revocation"):
            assert fact in page

    def test_a_page_does_not_speak_of_a_revocation_that_was_none(self, admin_client, session):
        assert "Revocation" not in text_of(admin_client.get(url_of(session)))

    @pytest.mark.parametrize("name", ["01a20b28-e8c5-793e-941c-b47300a60431", "nonsense"])
    def test_a_page_that_does_not_exist_leads_elsewhere(self, admin_client, name):
        assert admin_client.get(f"{LIST}{name}/change/").status_code == 302


class TestPermission:
    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize("confirmed", [False, True])
    def test_viewing_is_not_revoking(self, session, action, confirmed):
        extra = {"confirmed_sessions": str(session.pk)} if confirmed else {}
        response = ask(staff_with("view_session"), action, session, **extra)
        assert response.status_code in (200, 302)
        assert "confirmed_sessions" not in response.content.decode()
        assert is_active(session)

    @pytest.mark.parametrize("page", ["list", "change"])
    def test_who_may_only_view_is_offered_nothing(self, session, page):
        url = LIST if page == "list" else url_of(session)
        assert "revoke_" not in text_of(staff_with("view_session").get(url))

    @pytest.mark.parametrize("action", ACTIONS)
    def test_revoking_without_viewing_is_forbidden(self, session, action):
        client = staff_with("revoke_session")
        assert client.get(LIST).status_code == 403
        assert ask(client, action, session, confirmed_sessions=str(session.pk)).status_code == 403
        assert is_active(session)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_both_permissions_together_revoke(self, session, action):
        revoke(staff_with("view_session", "revoke_session"), action, session)
        assert not is_active(session)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_a_viewer_cannot_revoke_on_the_sessions_own_page_either(self, session, action):
        client = staff_with("view_session")
        client.post(url_of(session), {"CHANGE_FORM-action": action, "_selected_action": session.pk, "index": 0})
        assert is_active(session)

    def test_another_site_cannot_press_the_button(self, admin_user, session):
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin_user)
        response = ask(client, "revoke_selected", session, confirmed_sessions=str(session.pk))
        assert response.status_code == 403
        assert is_active(session)


class TestConfirmation:
    def test_nothing_ends_before_it_is_confirmed(self, admin_client, session):
        assert "will end" in text_of(ask(admin_client, "revoke_selected", session))
        assert is_active(session)

    def test_it_names_how_many_sessions_of_how_many_subjects(self, admin_client):
        rows = [*SessionFactory.create_batch(2, subject="device:1"), SessionFactory(subject="device:2")]
        ended = SessionFactory(revoked=True)
        page = text_of(ask(admin_client, "revoke_selected", *rows, ended))
        assert "<strong>3 active sessions</strong> of <strong>2 subjects</strong> will end." in page
        assert "1 of the selected has already ended." in page
        assert all(str(row.pk) in page for row in rows)
        assert f">{ended.pk}<" not in page

    def test_for_subjects_it_counts_what_was_not_selected_too(self, admin_client):
        chosen, *others = SessionFactory.create_batch(3, subject="device:1")
        SessionFactory(subject="device:1", expired=True), SessionFactory(subject="device:2")
        page = text_of(ask(admin_client, "revoke_subjects", chosen))
        assert "<strong>3 active sessions</strong> of <strong>1 subject</strong> will end." in page
        assert all(str(row.pk) in page for row in others)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_it_lists_so_many_and_counts_the_rest(self, admin_client, action):
        rows = SessionFactory.create_batch(MAX_LISTED + 2, subject="device:1")
        page = text_of(ask(admin_client, action, *rows))
        assert page.count('<td class="codlet-id">') == MAX_LISTED
        assert "…and 2 more sessions." in page

    def test_it_names_users(self, admin_client):
        session = SessionFactory(user=UserFactory(username="ada"))
        assert "ada" in text_of(ask(admin_client, "revoke_selected", session))

    @pytest.mark.parametrize("action", ACTIONS)
    def test_it_warns_of_the_administrators_own_session(self, admin_client, admin_user, action):
        own = sessions.issue(admin_user)
        admin_client.cookies[COOKIE] = own.secret.expose()
        own_row, other = Session.objects.get(pk=own.id), SessionFactory()
        assert "Your own session" in text_of(ask(admin_client, action, own_row, other))
        assert "Your own session" not in text_of(ask(admin_client, action, other))

    def test_of_anonymous_sessions_it_says_so(self, admin_client, session):
        anonymous = SessionFactory(subject="")
        assert "of <strong>anonymous visitors</strong>" in text_of(ask(admin_client, "revoke_selected", anonymous))
        both = text_of(ask(admin_client, "revoke_selected", anonymous, session))
        assert "of <strong>1 subject and anonymous visitors</strong>" in both

    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize("state", ["expired", "revoked"])
    def test_where_nothing_is_active_there_is_nothing_to_confirm(self, admin_client, action, state):
        session = SessionFactory(**{state: True})
        response = admin_client.get(ask(admin_client, action, session).headers["Location"])
        assert messages_of(response)[0].startswith(NOT_ACTIVE)

    def test_cancel_leads_back_to_the_list_as_it_was(self, admin_client, session):
        page = text_of(ask(admin_client, "revoke_selected", session, where=f"{LIST}?state=active"))
        assert f'<a href="{LIST}?state=active" class="button cancel-link">Cancel</a>' in page

    @pytest.mark.parametrize("action", ACTIONS)
    def test_all_across_the_pages_are_those_that_were_counted(self, admin_client, monkeypatch, action):
        monkeypatch.setattr(SessionAdmin, "list_per_page", 2)
        rows = SessionFactory.create_batch(5)
        question = ask(admin_client, action, rows[0], select_across=1)
        assert "<strong>5 active sessions</strong> of <strong>5 subjects</strong>" in text_of(question)
        begun_since = SessionFactory()
        assert messages_of(confirm(admin_client, question)) == ["5 sessions were revoked."]
        assert not any(map(is_active, rows))
        assert is_active(begun_since)

    def test_all_across_the_pages_keeps_to_the_filter(self, admin_client):
        inside, outside = SessionFactory(subject="device:1"), SessionFactory(subject="device:2")
        question = ask(admin_client, "revoke_selected", inside, where=f"{LIST}?q=device:1", select_across=1)
        confirm(admin_client, question)
        assert (is_active(inside), is_active(outside)) == (False, True)

    def test_all_across_the_pages_stops_where_the_list_stops(self, admin_client, small_bound):
        oldest, *rest = SessionFactory.create_batch(4)
        confirm(admin_client, ask(admin_client, "revoke_selected", oldest, select_across=1))
        assert [is_active(row) for row in (oldest, *rest)] == [True, False, False, False]

    def test_more_sessions_than_a_form_may_have_fields_can_be_confirmed(self, admin_client, settings):
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
        rows = SessionFactory.create_batch(20)
        question = ask(admin_client, "revoke_selected", rows[0], select_across=1)
        assert messages_of(confirm(admin_client, question)) == ["20 sessions were revoked."]

    def test_what_is_not_an_id_is_a_bad_request(self, admin_client, session):
        assert ask(admin_client, "revoke_selected", session, confirmed_sessions="x").status_code == 400


class TestRevoking:
    def test_the_row_says_who_when_and_why(self, admin_client, admin_user, session):
        before = timezone.now()
        revoke(admin_client, "revoke_selected", session)
        session.refresh_from_db()
        assert session.revoked_at >= before
        assert (session.revoked_reason, session.revoked_by) == ("administrator", str(admin_user.pk))

    def test_the_browser_is_out_with_its_next_request(self, admin_client):
        issued = sessions.issue("device:42")
        revoke(admin_client, "revoke_selected", Session.objects.get(pk=issued.id))
        assert sessions.validate(issued.secret) is None

    def test_only_the_selected_sessions_end(self, admin_client):
        chosen, other = SessionFactory.create_batch(2, subject="device:1")
        revoke(admin_client, "revoke_selected", chosen)
        assert (is_active(chosen), is_active(other)) == (False, True)

    def test_all_sessions_of_the_selected_subjects_end_and_nobody_elses(self, admin_client):
        chosen, same = SessionFactory.create_batch(2, subject="device:1")
        other = SessionFactory(subject="Device:1")
        response = revoke(admin_client, "revoke_subjects", chosen)
        assert [is_active(row) for row in (chosen, same, other)] == [False, False, True]
        assert messages_of(response) == ["2 sessions were revoked."]

    def test_the_sessions_of_a_subject_that_began_meanwhile_end_too(self, admin_client, session):
        question = ask(admin_client, "revoke_subjects", session)
        begun_since = SessionFactory(subject=session.subject)
        sessions.revoke(session.pk)
        assert messages_of(confirm(admin_client, question)) == ["1 session was revoked."]
        assert not is_active(begun_since)

    def test_a_filter_that_no_longer_shows_the_selected_does_not_save_the_subject(self, admin_client, session):
        question = ask(admin_client, "revoke_subjects", session, where=f"{LIST}?state=active")
        other = SessionFactory(subject=session.subject)
        sessions.revoke(session.pk)
        confirm(admin_client, question)
        assert not is_active(other)

    def test_a_second_confirmation_tells_that_it_came_too_late(self, admin_client):
        rows = SessionFactory.create_batch(2)
        question = ask(admin_client, "revoke_selected", *rows)
        assert messages_of(confirm(admin_client, question)) == ["2 sessions were revoked."]
        first = [Session.objects.get(pk=row.pk).revoked_at for row in rows]
        assert messages_of(confirm(admin_client, question)) == ["0 sessions were revoked. 2 had already ended."]
        assert [Session.objects.get(pk=row.pk).revoked_at for row in rows] == first
        assert [len(history_of(row)) for row in rows] == [1, 1]

    def test_a_second_confirmation_for_subjects_finds_nothing_left(self, admin_client, session):
        question = ask(admin_client, "revoke_subjects", session)
        confirm(admin_client, question)
        assert messages_of(confirm(admin_client, question)) == ["0 sessions were revoked."]

    def test_what_ended_in_between_is_counted_as_that(self, admin_client):
        first, second = SessionFactory.create_batch(2)
        question = ask(admin_client, "revoke_selected", first, second)
        sessions.revoke(first.pk)
        assert messages_of(confirm(admin_client, question)) == ["1 session was revoked. 1 had already ended."]

    def test_a_revocation_at_the_very_same_moment_is_counted_as_theirs(self, admin_client, settings, session):
        settings.CODLET_SESSIONS = settings.CODLET_SESSIONS | {"STORE": f"{__name__}.SlowStore"}
        assert messages_of(revoke(admin_client, "revoke_selected", session)) == [
            "0 sessions were revoked. 1 had already ended."
        ]
        session.refresh_from_db()
        assert session.revoked_reason == "requested"
        assert history_of(session) == []

    def test_anonymous_sessions_are_not_revoked_wholesale(self, admin_client, session):
        chosen, stranger = SessionFactory.create_batch(2, subject="")
        question = ask(admin_client, "revoke_subjects", chosen, session)
        assert "Anonymous sessions have no subject in common" in text_of(question)
        confirm(admin_client, question)
        assert [is_active(row) for row in (chosen, stranger, session)] == [True, True, False]

    def test_of_anonymous_sessions_alone_there_is_nothing_to_confirm(self, admin_client):
        anonymous = SessionFactory(subject="")
        response = admin_client.get(ask(admin_client, "revoke_subjects", anonymous).headers["Location"])
        assert "Anonymous sessions have no subject in common" in messages_of(response)[0]

    def test_selected_anonymous_sessions_can_be_revoked(self, admin_client):
        chosen, stranger = SessionFactory.create_batch(2, subject="")
        revoke(admin_client, "revoke_selected", chosen)
        assert (is_active(chosen), is_active(stranger)) == (False, True)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_a_store_that_fails_halfway_is_told_and_what_it_did_is_history(self, admin_client, settings, action):
        rows = SessionFactory.create_batch(3)
        settings.CODLET_SESSIONS = settings.CODLET_SESSIONS | {"STORE": f"{__name__}.FailingStore"}
        (message,) = messages_of(revoke(admin_client, action, *rows))
        assert message == "1 session was revoked. The others may still be active: The store is gone. Please try again."
        ended = [row for row in rows if not is_active(row)]
        assert len(ended) == 1
        assert [len(history_of(row)) for row in rows] == [int(row in ended) for row in rows]


class FailingStore(OrmSessionStore):
    """Answers one revocation, then no more."""

    def __init__(self):
        super().__init__()
        self.answers = iter([None])

    def revoke_session(self, *args, **kwargs):
        self._answer()
        return super().revoke_session(*args, **kwargs)

    def revoke_subject(self, *args, **kwargs):
        self._answer()
        return super().revoke_subject(*args, **kwargs)

    def _answer(self):
        if next(self.answers, "gone"):
            raise StoreUnavailable("The store is gone.")


class SlowStore(OrmSessionStore):
    """So slow that somebody else is always first."""

    def revoke_session(self, session_id, now, *args, **kwargs):
        super().revoke_session(session_id, now)
        return super().revoke_session(session_id, now, *args, **kwargs)


class TestHistory:
    def test_a_revocation_is_in_the_sessions_history(self, admin_client, admin_user, session):
        revoke(admin_client, "revoke_selected", session)
        (entry,) = history_of(session)
        assert (entry.user, entry.is_change(), entry.get_change_message()) == (admin_user, True, "Revoked.")
        assert "Revoked." in text_of(admin_client.get(url_of(session, "history")))

    def test_every_session_of_a_subject_has_its_entry_but_not_those_that_ended_before(self, admin_client, admin_user):
        rows = SessionFactory.create_batch(3, subject="device:1")
        earlier = SessionFactory(subject="device:1")
        sessions.revoke(earlier.pk, reason="administrator", by=admin_user)
        revoke(admin_client, "revoke_subjects", rows[0])
        assert [len(history_of(row)) for row in (*rows, earlier)] == [1, 1, 1, 0]
        assert history_of(rows[2])[0].get_change_message() == "Revoked with all sessions of its subject."

    def test_a_long_list_is_in_the_history_to_the_last(self, admin_client):
        rows = SessionFactory.create_batch(101)
        revoke(admin_client, "revoke_selected", *rows)
        assert LogEntry.objects.count() == 101

    def test_a_question_is_no_history(self, admin_client, session):
        ask(admin_client, "revoke_selected", session)
        assert history_of(session) == []


class TestItsOwnPage:
    @pytest.mark.parametrize("action", ACTIONS)
    def test_a_session_can_be_revoked_from_its_page_and_leads_back_to_it(self, admin_client, session, action):
        question = ask_on_its_page(admin_client, session, action)
        assert f'<a href="{url_of(session)}" class="button cancel-link">' in text_of(question)
        response = confirm(admin_client, question)
        assert response.redirect_chain == [(url_of(session), 302)]
        assert messages_of(response) == ["1 session was revoked."]
        assert not is_active(session)

    def test_the_way_back_keeps_the_lists_filters(self, admin_client, session):
        url = f"{url_of(session)}?_changelist_filters=state%3Dactive"
        assert f'href="{LIST}?state=active"' in text_of(admin_client.get(url))

    @pytest.mark.parametrize("state", ["expired", "revoked"])
    def test_a_session_that_is_over_offers_nothing(self, admin_client, state):
        assert "revoke_" not in text_of(admin_client.get(url_of(SessionFactory(**{state: True}))))

    def test_an_anonymous_session_can_be_revoked_alone(self, admin_client):
        session = SessionFactory(subject="")
        confirm(admin_client, ask_on_its_page(admin_client, session, "revoke_selected"))
        assert not is_active(session)

    def test_the_actions_speak_of_one_session_there_and_of_many_on_the_list(self, admin_client, session):
        page, many = text_of(admin_client.get(url_of(session))), text_of(admin_client.get(LIST))
        assert "Revoke this session" in page
        assert "Revoke all sessions of this subject" in page
        assert "Revoke selected sessions" in many
        assert "Revoke all sessions of the selected subjects" in many
