"""Users in the admin: their sessions on their page, and ending them all, there and on the list."""

import os
import subprocess
import sys

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from codlet_sessions.admin import users
from codlet_sessions.admin.equipping import equip, equip_while_discovering
from codlet_sessions.admin.user_page import MAX_SHOWN
from codlet_sessions.admin.users import SessionsOfUserAdmin
from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreUnavailable
from codlet_sessions.models import Session
from codlet_sessions.stores.orm import OrmSessionStore
from tests.admin_pages import Forms, InlineCode, confirm, history_of, is_active, messages_of, staff_with, text_of
from tests.browsers import COOKIE
from tests.documentation import TOP
from tests.factories import SessionFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/auth/user/"
END = f"{LIST}end-sessions/"
SECTION = 'id="codlet-sessions"'
MAY_ALL = ("view_user", "view_session", "revoke_session")


@pytest.fixture
def ada():
    return UserFactory(username="ada")


def page_of(user):
    return reverse("admin:auth_user_change", args=[user.pk])


def section_of(client, user):
    return text_of(client.get(page_of(user))).partition(SECTION)[2].partition("</section>")[0]


def press(client, user):
    """Press the button on the user's page."""
    url, fields = Forms(text_of(client.get(page_of(user)))).with_field("from_user")
    return client.post(url, fields)


def choose(client, *chosen, where=LIST, **extra):
    """Start the action on the list of users."""
    fields = {"action": "end_sessions_of_users", "_selected_action": [user.pk for user in chosen], "index": 0, **extra}
    return client.post(where, fields)


def end(client, question):
    return confirm(client, question, by="end_all_sessions")


def force(client, *chosen, url=END):
    """Post what the confirmation page would, without having been there."""
    return client.post(url, {"_selected_action": [getattr(user, "pk", user) for user in chosen], "end_all_sessions": 1})


class TestSection:
    def test_a_users_page_shows_the_sessions_that_are_active_and_no_others(self, admin_client, ada):
        active = SessionFactory(user=ada)
        others = [SessionFactory(user=ada, expired=True), SessionFactory(user=ada, revoked=True), SessionFactory()]
        section = section_of(admin_client, ada)
        assert f'title="{active.pk}"' in section
        assert 'codlet-state codlet-active">active<' in section
        assert not any(str(session.pk) in section for session in others)

    def test_each_leads_to_its_page_and_all_to_the_list_of_that_subject_alone(self, admin_client, ada):
        session, ended = SessionFactory(user=ada), SessionFactory(user=ada, revoked=True)
        SessionFactory(subject=ada.username), SessionFactory(user=UserFactory(username=f"{ada.pk}"))
        section = section_of(admin_client, ada)
        assert f'href="{reverse("admin:codlet_sessions_session_change", args=[session.pk])}"' in section
        url = f"/admin/codlet_sessions/session/?subject={ada.pk}"
        assert f'href="{url}"' in section
        response = admin_client.get(url)
        assert list(response.context["cl"].result_list) == [ended, session]
        assert "By subject" in text_of(response)
        assert "By subject" not in text_of(admin_client.get("/admin/codlet_sessions/session/"))

    def test_the_newest_so_many_are_shown_and_it_says_that_there_are_more(self, admin_client, ada):
        oldest, *rest = SessionFactory.create_batch(MAX_SHOWN + 1, user=ada)
        section = section_of(admin_client, ada)
        assert section.count('<th scope="row"') == MAX_SHOWN
        assert f"The newest {MAX_SHOWN} of more are listed." in section
        assert (str(oldest.pk) in section, str(rest[-1].pk) in section) == (False, True)

    def test_as_many_as_there_is_room_for_are_all(self, admin_client, ada):
        SessionFactory.create_batch(MAX_SHOWN, user=ada)
        assert "of more are listed" not in section_of(admin_client, ada)

    def test_more_sessions_cost_no_more_queries(self, admin_client, ada):
        def cost():
            with CaptureQueriesContext(connection) as queries:
                section_of(admin_client, ada)
            return len(queries), [query["sql"] for query in queries if "codlet_sessions_session" in query["sql"]]

        cost()  # content types are remembered
        SessionFactory(user=ada)
        with_one, (_query,) = cost()
        SessionFactory.create_batch(MAX_SHOWN + 20, user=ada)
        with_many, (query,) = cost()
        assert with_many == with_one
        assert f"LIMIT {MAX_SHOWN + 1}" in query
        assert "lookup_key" not in query

    def test_a_user_without_an_active_session_is_told_so_and_has_no_button(self, admin_client, ada):
        SessionFactory(user=ada, expired=True)
        section = section_of(admin_client, ada)
        assert "No session of this user is active." in section
        assert "<button" not in section

    def test_ones_own_session_is_marked(self, admin_client, admin_user):
        own = sessions.issue(admin_user)
        SessionFactory(user=admin_user)
        admin_client.cookies[COOKIE] = own.secret.expose()
        before, _mark, _rest = section_of(admin_client, admin_user).partition("this is you")
        assert _mark
        assert str(own.id) in before.rpartition("<tr>")[2]

    def test_what_a_client_says_of_itself_cannot_put_markup_on_the_page(self, admin_client, ada):
        SessionFactory(user=ada, user_agent='"><script>alert(1)</script>', ip_address="192.0.2.1")
        section = section_of(admin_client, ada)
        assert "192.0.2.1" in section
        assert "&quot;&gt;&lt;script&gt;" in section
        assert "<script" not in section

    def test_it_needs_no_inline_code(self, admin_client, ada):
        SessionFactory(user=ada)
        pages = [admin_client.get(page_of(ada)), press(admin_client, ada), choose(admin_client, ada)]
        assert [InlineCode(text_of(page)).found for page in pages] == [[], [], []]

    def test_no_page_has_a_lookup_key(self, admin_client, ada):
        session = SessionFactory(user=ada)
        with CaptureQueriesContext(connection) as queries:
            pages = [admin_client.get(page_of(ada)), press(admin_client, ada), choose(admin_client, ada)]
        assert not any(session.lookup_key in text_of(page).lower() for page in pages)
        assert not any("lookup_key" in query["sql"] for query in queries if query["sql"].startswith("SELECT"))

    @pytest.mark.parametrize("address", ["?_popup=1", "add/"])
    def test_there_is_none_in_a_popup_and_none_for_a_user_to_be(self, admin_client, ada, address):
        SessionFactory(user=ada)
        url = LIST + address if address == "add/" else page_of(ada) + address
        assert SECTION not in text_of(admin_client.get(url))

    def test_saving_the_user_still_works_and_ends_nothing(self, admin_client, ada):
        session = SessionFactory(user=ada)
        fields = {"username": "ada", "email": "ada@example.org", "is_active": "on"}
        fields |= {"date_joined_0": "2026-11-01", "date_joined_1": "12:00:00"}
        assert admin_client.post(page_of(ada), fields).status_code == 302
        ada.refresh_from_db()
        assert ada.email == "ada@example.org"
        assert is_active(session)

    def test_a_form_with_mistakes_shows_it_again(self, admin_client, ada):
        SessionFactory(user=ada)
        assert SECTION in text_of(admin_client.post(page_of(ada), {"username": ""}))

    def test_numbers_with_separators_do_not_break_the_button(self, admin_client, settings):
        settings.USE_THOUSAND_SEPARATOR = True
        session = SessionFactory(user=UserFactory(pk=1_234_567))
        end(admin_client, press(admin_client, session.user))
        assert not is_active(session)


class TestPermission:
    def test_without_the_permission_to_view_sessions_nothing_is_shown(self, ada):
        SessionFactory(user=ada)
        for codenames in (["view_user"], ["view_user", "change_user", "revoke_session"]):
            client = staff_with(*codenames)
            assert SECTION not in text_of(client.get(page_of(ada)))
            assert "end_sessions" not in text_of(client.get(LIST))

    def test_who_may_only_look_sees_sessions_and_can_end_none(self, ada):
        session, client = SessionFactory(user=ada), staff_with("view_user", "view_session")
        section = section_of(client, ada)
        assert str(session.pk) in section
        assert "<button" not in section
        assert "end_sessions" not in text_of(client.get(LIST))

    @pytest.mark.parametrize(
        "codenames",
        [["view_user", "view_session"], ["view_user", "revoke_session"], ["view_session", "revoke_session"]],
    )
    def test_any_permission_less_ends_nothing(self, ada, codenames):
        session, client = SessionFactory(user=ada), staff_with(*codenames)
        assert force(client, ada).status_code == 403
        assert client.post(END, {"_selected_action": ada.pk}).status_code == 403
        choose(client, ada, end_all_sessions=1)
        assert is_active(session)

    def test_all_of_them_together_end_sessions_though_the_user_cannot_be_changed(self, ada):
        session, client = SessionFactory(user=ada), staff_with(*MAY_ALL)
        end(client, press(client, ada))
        assert not is_active(session)

    def test_somebody_who_is_not_staff_is_asked_to_sign_in(self, client, ada):
        session = SessionFactory(user=ada)
        client.force_login(UserFactory())
        assert "/admin/login/" in force(client, ada).headers["Location"]
        assert is_active(session)

    @pytest.mark.parametrize("query", [{}, {"_selected_action": "{pk}", "end_all_sessions": "yes"}])
    def test_a_link_ends_nothing(self, admin_client, ada, query):
        session = SessionFactory(user=ada)
        query = {name: value.format(pk=ada.pk) for name, value in query.items()}
        response = admin_client.get(END, query)
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")
        assert is_active(session)

    def test_another_site_cannot_press_the_button(self, admin_user, ada):
        session, client = SessionFactory(user=ada), Client(enforce_csrf_checks=True)
        client.force_login(admin_user)
        assert force(client, ada).status_code == 403
        assert is_active(session)

    def test_whom_the_admin_of_users_does_not_show_cannot_be_reached_by_number(self, admin_client, ada, monkeypatch):
        shown, session = SessionFactory(user=UserFactory()), SessionFactory(user=ada)
        site_admin = admin.site.get_model_admin(User)
        monkeypatch.setattr(site_admin, "get_queryset", lambda request: User.objects.exclude(pk=ada.pk))
        force(admin_client, ada, shown.user)
        assert (is_active(session), is_active(shown)) == (True, False)

    def test_who_may_not_see_one_of_the_users_ends_nobodys_sessions(self, admin_client, ada, monkeypatch):
        rows = [SessionFactory(user=ada), SessionFactory(user=UserFactory())]
        site_admin = admin.site.get_model_admin(User)
        monkeypatch.setattr(site_admin, "has_view_or_change_permission", lambda request, obj=None: obj != ada)
        assert force(admin_client, *(session.user for session in rows)).status_code == 403
        assert all(map(is_active, rows))

    @pytest.mark.parametrize("key", ["", "x", "1 OR 1=1", "9" * 30, "1.5", "\0"])
    def test_what_is_no_primary_key_is_a_bad_request(self, admin_client, key):
        assert force(admin_client, key).status_code == 400

    def test_nobody_chosen_is_nothing_to_do(self, admin_client):
        assert force(admin_client).headers["Location"] == LIST
        assert force(admin_client, 4711).headers["Location"] == LIST

    def test_the_admin_of_sessions_decides_where_there_is_one(self, admin_client, ada, monkeypatch):
        session, site_admin = SessionFactory(user=ada), admin.site.get_model_admin(Session)
        monkeypatch.setattr(site_admin, "has_revoke_permission", lambda request: False)
        assert force(admin_client, ada).status_code == 403
        monkeypatch.setattr(site_admin, "has_view_permission", lambda request, obj=None: False)
        assert SECTION not in text_of(admin_client.get(page_of(ada)))
        assert is_active(session)

    def test_where_there_is_none_the_permissions_do(self, ada, monkeypatch):
        session = SessionFactory(user=ada)
        monkeypatch.delitem(admin.site._registry, Session)
        assert str(session.pk) in section_of(staff_with("view_user", "view_session"), ada)
        assert force(staff_with("view_user", "view_session"), ada).status_code == 403
        force(staff_with(*MAY_ALL), ada)
        assert not is_active(session)


class TestQuestion:
    def test_nothing_ends_before_it_is_confirmed(self, admin_client, ada):
        rows = SessionFactory.create_batch(2, user=ada)
        page = text_of(press(admin_client, ada))
        assert "<strong>2 active sessions</strong> of <strong>ada</strong> will end." in page
        assert all(str(session.pk) in page and is_active(session) for session in rows)

    def test_of_several_users_it_says_how_many_have_sessions(self, admin_client, ada):
        SessionFactory(user=ada), SessionFactory.create_batch(2, user=UserFactory())
        page = text_of(choose(admin_client, *User.objects.all()))
        assert "<strong>3 active sessions</strong> of <strong>2 users</strong> will end." in page

    def test_it_warns_of_ones_own_session(self, admin_client, admin_user, ada):
        SessionFactory(user=ada)
        admin_client.cookies[COOKIE] = sessions.issue(admin_user).secret.expose()
        assert "Your own session" in text_of(choose(admin_client, ada, admin_user))
        assert "Your own session" not in text_of(choose(admin_client, ada))

    def test_cancel_leads_back_to_where_it_was_asked(self, admin_client, ada):
        SessionFactory(user=ada)
        on_the_page, on_the_list = (
            press(admin_client, ada),
            choose(admin_client, ada, where=f"{LIST}?is_staff__exact=0"),
        )
        assert f'<a href="{page_of(ada)}" class="button cancel-link">' in text_of(on_the_page)
        assert f'<a href="{LIST}?is_staff__exact=0" class="button cancel-link">' in text_of(on_the_list)

    def test_it_leads_to_no_other_place(self, admin_client, ada):
        SessionFactory(user=ada)
        fields = {"_selected_action": ada.pk, "from_user": "//evil.example"}
        assert "evil.example" not in text_of(admin_client.post(END, fields))
        assert admin_client.post(END, {**fields, "end_all_sessions": 1}).headers["Location"] == LIST

    def test_where_nothing_is_active_there_is_nothing_to_confirm(self, admin_client, ada):
        SessionFactory(user=ada, expired=True)
        response = admin_client.get(choose(admin_client, ada).headers["Location"])
        assert messages_of(response) == ["None of these users has an active session: there is nothing to end."]

    def test_too_many_users_at_once_are_refused(self, admin_client, monkeypatch):
        monkeypatch.setattr(users, "MAX_USERS", 2)
        rows = [SessionFactory(user=UserFactory()) for _ in range(3)]
        choose(admin_client, rows[0].user, select_across=1)
        response = force(admin_client, *(session.user for session in rows))
        refusal = "Nothing was ended: select 2 users at most."
        assert messages_of(admin_client.get(response.headers["Location"])) == [refusal] * 2
        assert all(map(is_active, rows))

    def test_more_users_cost_the_question_no_more_queries(self, admin_client):
        def cost(count):
            chosen = [SessionFactory(user=UserFactory()).user for _ in range(count)]
            with CaptureQueriesContext(connection) as queries:
                text_of(choose(admin_client, *chosen))
            return len(queries)

        assert cost(2) == cost(20)


class TestEnding:
    def test_all_sessions_of_the_user_end_and_nobody_elses(self, admin_client, admin_user, ada):
        rows, other = SessionFactory.create_batch(3, user=ada), SessionFactory(user=UserFactory())
        response = end(admin_client, press(admin_client, ada))
        assert response.redirect_chain == [(page_of(ada), 302)]
        assert messages_of(response) == ["3 sessions were revoked."]
        assert [*map(is_active, rows), is_active(other)] == [False, False, False, True]
        rows[0].refresh_from_db()
        assert (rows[0].revoked_reason, rows[0].revoked_by) == ("administrator", str(admin_user.pk))

    def test_the_browser_is_out_with_its_next_request(self, admin_client, ada):
        issued = sessions.issue(ada)
        end(admin_client, press(admin_client, ada))
        assert sessions.validate(issued.secret) is None

    def test_a_session_that_began_meanwhile_ends_too(self, admin_client, ada):
        SessionFactory(user=ada)
        question = press(admin_client, ada)
        begun_since = SessionFactory(user=ada)
        end(admin_client, question)
        assert not is_active(begun_since)

    def test_the_list_ends_the_sessions_of_all_selected_and_keeps_its_filter(self, admin_client, ada):
        rows = [SessionFactory(user=ada), SessionFactory(user=UserFactory())]
        other = SessionFactory(user=UserFactory())
        question = choose(admin_client, *(session.user for session in rows), where=f"{LIST}?is_staff__exact=0")
        response = end(admin_client, question)
        assert response.redirect_chain == [(f"{LIST}?is_staff__exact=0", 302)]
        assert [*map(is_active, rows), is_active(other)] == [False, False, True]

    def test_it_is_in_the_history_of_the_user_and_of_each_session(self, admin_client, admin_user, ada):
        rows = SessionFactory.create_batch(2, user=ada)
        question = press(admin_client, ada)
        assert history_of(ada) == []
        end(admin_client, question)
        entries = [entry for thing in (ada, *rows) for entry in history_of(thing)]
        assert [(entry.user, entry.get_change_message()) for entry in entries] == [
            (admin_user, "All sessions of the user were ended.")
        ] * 3
        history = reverse("admin:auth_user_history", args=[ada.pk])
        assert "All sessions of the user were ended." in text_of(admin_client.get(history))

    def test_a_second_confirmation_finds_nothing_left_and_is_no_history(self, admin_client, ada):
        SessionFactory(user=ada)
        question = press(admin_client, ada)
        end(admin_client, question)
        assert messages_of(end(admin_client, question)) == ["No session was active any longer."]
        assert len(history_of(ada)) == 1

    def test_each_user_costs_the_same_few_queries(self, admin_client):
        def cost(count):
            chosen = [SessionFactory(user=UserFactory()).user for _ in range(count)]
            with CaptureQueriesContext(connection) as queries:
                force(admin_client, *chosen)
            return len(queries)

        cost(1)
        assert cost(12) - cost(2) == 20

    def test_a_store_that_fails_halfway_is_told_and_what_it_did_is_history(self, admin_client, settings):
        rows = [SessionFactory(user=UserFactory()) for _ in range(3)]
        question = choose(admin_client, *(session.user for session in rows))
        settings.CODLET_SESSIONS = settings.CODLET_SESSIONS | {"STORE": f"{__name__}.FailingStore"}
        (message,) = messages_of(end(admin_client, question))
        assert message.startswith("1 session was revoked. The others may still be active: The store is gone.")
        assert sorted(len(history_of(session.user)) for session in rows) == [0, 0, 1]


class FailingStore(OrmSessionStore):
    """Answers one revocation, then no more."""

    def __init__(self):
        super().__init__()
        self.answers = iter([None])

    def revoke_subject(self, *args, **kwargs):
        if next(self.answers, "gone"):
            raise StoreUnavailable("The store is gone.")
        return super().revoke_subject(*args, **kwargs)


class TestEquipping:
    @pytest.fixture
    def site(self):
        return admin.AdminSite(name="admin")

    def test_a_site_that_does_not_discover_admin_modules_is_equipped_with_what_it_has(self, settings):
        settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "django.contrib.admin"]
        equip_while_discovering()
        assert isinstance(admin.site.get_model_admin(User), SessionsOfUserAdmin)

    def test_a_site_without_an_admin_gets_ready_without_one(self, monkeypatch):
        monkeypatch.delitem(sys.modules, "codlet_sessions.admin")
        apps.get_app_config("codlet_sessions").ready()
        assert "codlet_sessions.admin" not in sys.modules

    def test_the_admin_of_users_has_it_without_a_line_of_code(self):
        site_admin = admin.site.get_model_admin(User)
        assert isinstance(site_admin, SessionsOfUserAdmin)
        assert isinstance(site_admin, UserAdmin)
        assert str(site_admin) == "auth.UserAdmin"
        assert (type(site_admin).__qualname__, type(site_admin).__module__) == (
            "UserAdmin",
            "django.contrib.auth.admin",
        )

    def test_it_is_given_once_and_keeps_what_the_host_wrote(self, site):
        class HostAdmin(UserAdmin):
            """The host's own."""

            actions = ("deactivate",)
            readonly_fields = ("last_login",)

            class Media:
                js = ("host.js",)

            @admin.action(description="Deactivate")
            def deactivate(self, request, queryset):
                queryset.update(is_active=False)

        site.register(User, HostAdmin)
        equip(site)
        equip(site)
        given = site.get_model_admin(User)
        assert type(given).__mro__[1:3] == (SessionsOfUserAdmin, HostAdmin)
        assert given.actions == ["deactivate", "end_sessions_of_users"]
        assert given.readonly_fields == ("last_login",)
        assert "host.js" in str(given.media)
        assert type(given).__doc__ == "The host's own."
        assert given.check() == []
        assert HostAdmin.actions == ("deactivate",)

    def test_an_admin_that_has_the_mixin_is_left_alone(self, site):
        class HostAdmin(SessionsOfUserAdmin, UserAdmin):
            actions = ("end_sessions_of_users",)

        site.register(User, HostAdmin)
        before = site.get_model_admin(User)
        equip(site)
        assert site.get_model_admin(User) is before
        assert list(before.actions) == ["end_sessions_of_users"]

    def test_without_an_admin_of_users_there_is_none_afterwards(self, site):
        equip(site)
        assert not site.is_registered(User)

    def test_a_site_that_wants_no_actions_gets_none(self, site):
        site.register(User, UserAdmin, actions=None)
        equip(site)
        assert site.get_model_admin(User).actions is None

    def test_discovering_again_changes_nothing(self):
        before = admin.site.get_model_admin(User)
        equip_while_discovering()
        assert admin.site.get_model_admin(User) is before

    @pytest.mark.parametrize(
        "options",
        [
            {"change_form_template": "admin/change_form.html"},
            {"get_readonly_fields": lambda self, request, obj=None: ["username", "password"]},
            {"get_fieldsets": lambda self, request, obj=None: [(None, {"fields": ["username"]})]},
            {"fieldsets": None, "fields": ["username"]},
            {"has_change_permission": lambda self, request, obj=None: False},
        ],
        ids=lambda options: next(iter(options)),
    )
    def test_whatever_the_host_overrides_the_section_is_there(self, admin_client, ada, monkeypatch, options):
        session = SessionFactory(user=ada)
        site_admin = type("HostAdmin", (SessionsOfUserAdmin, UserAdmin), options)(User, admin.site)
        monkeypatch.setitem(admin.site._registry, User, site_admin)
        request = admin_client.get(page_of(ada)).wsgi_request
        response = site_admin.change_view(request, str(ada.pk))
        assert f'title="{session.pk}"' in text_of(response.render())

    def test_a_page_that_the_host_makes_itself_is_left_alone(self, admin_client, ada, rf):
        class HostAdmin(ModelAdmin):
            def render_change_form(self, request, *args, **kwargs):
                return "the host's own page"

        site_admin = type("HostAdmin", (SessionsOfUserAdmin, HostAdmin), {})(User, admin.site)
        request = admin_client.get(page_of(ada)).wsgi_request
        assert site_admin.render_change_form(request, {}, change=True, obj=ada) == "the host's own page"

    def test_other_admins_are_not_touched(self):
        assert not isinstance(admin.site.get_model_admin(Group), SessionsOfUserAdmin)

    @pytest.mark.parametrize("apps", [["auth", "admin", "ours"], ["ours", "admin", "auth"], ["admin", "ours", "auth"]])
    def test_the_order_of_the_apps_does_not_matter(self, apps):
        names = {"ours": "codlet_sessions", "admin": "django.contrib.admin", "auth": "django.contrib.auth"}
        installed = [*(names[app] for app in apps), "django.contrib.contenttypes", "django.contrib.messages"]
        assert python(IN_THIS_ORDER.format(installed=installed)) == "True django.contrib.auth.admin"

    def test_an_admin_of_users_that_another_app_registers_last_has_it_too(self, tmp_path):
        (tmp_path / "late").mkdir()
        (tmp_path / "late" / "__init__.py").touch()
        (tmp_path / "late" / "admin.py").write_text(LATE)
        installed = ["admin", "auth", "contenttypes", "messages"]
        installed = [*(f"django.contrib.{name}" for name in installed), "codlet_sessions", "late"]
        assert python(IN_THIS_ORDER.format(installed=installed), PYTHONPATH=f"{tmp_path}:{TOP}") == "True late.admin"

    def test_users_of_the_sites_own_with_other_keys_have_it_too(self, tmp_path):
        (tmp_path / "people").mkdir()
        (tmp_path / "people" / "__init__.py").touch()
        (tmp_path / "people" / "models.py").write_text(PEOPLE)
        (tmp_path / "people" / "admin.py").write_text(PEOPLE_ADMIN)
        (tmp_path / "people_urls.py").write_text(PEOPLE_URLS)
        assert python(WITH_PEOPLE, PYTHONPATH=f"{tmp_path}:{TOP}") == "200 200 302 administrator"


IN_THIS_ORDER = """
import django
from django.conf import settings
settings.configure(INSTALLED_APPS={installed!r}, USE_TZ=True)
django.setup()
from django.contrib import admin
from django.contrib.auth.models import User
from codlet_sessions.admin.users import SessionsOfUserAdmin
site_admin = admin.site.get_model_admin(User)
print(isinstance(site_admin, SessionsOfUserAdmin), type(site_admin).__module__)
"""
PEOPLE = """
import uuid
from django.contrib.auth.models import AbstractUser
from django.db import models

class Person(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
"""
PEOPLE_ADMIN = """
from django.contrib import admin
from people.models import Person

@admin.register(Person)
class PersonAdmin(admin.ModelAdmin):
    readonly_fields = ["username"]
"""
PEOPLE_URLS = """
from django.contrib import admin
from django.urls import path
urlpatterns = [path("admin/", admin.site.urls)]
"""
WITH_PEOPLE = """
import django
from django.conf import settings
from tests import settings as usual
shown = {name: getattr(usual, name) for name in dir(usual) if name.isupper() and name not in ("SQLITE_FILE",)}
settings.configure(**{
    **shown,
    "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    "INSTALLED_APPS": [*usual.INSTALLED_APPS, "people"],
    "AUTH_USER_MODEL": "people.Person",
    "ROOT_URLCONF": "people_urls",
})
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", run_syncdb=True, verbosity=0)
from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from people.models import Person
ada, client = Person.objects.create_superuser("ada"), Client()
client.force_login(ada)
sessions.issue(ada)
page = client.get(f"/admin/people/person/{ada.pk}/change/")
assert "End all sessions" in page.text, page.text
chosen = {"_selected_action": str(ada.pk), "from_user": str(ada.pk)}
question = client.post("/admin/people/person/end-sessions/", chosen)
answer = client.post("/admin/people/person/end-sessions/", {**chosen, "end_all_sessions": "yes"})
assert answer.headers["Location"] == f"/admin/people/person/{ada.pk}/change/"
print(page.status_code, question.status_code, answer.status_code, Session.objects.get().revoked_reason)
"""
LATE = """
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
admin.site.unregister(User)

@admin.register(User)
class TheirUserAdmin(UserAdmin):
    pass
"""


def python(code, **environment):
    """Run a piece of Python in a process of its own, and return what it printed."""
    variables = {**os.environ, "PYTHONPATH": str(TOP), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
