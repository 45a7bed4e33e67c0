"""``request.user`` comes with the session, in one query, wherever Django would have returned the same."""

import pytest
from django.contrib.auth.backends import ModelBackend, RemoteUserBackend
from django.contrib.auth.models import User, UserManager
from django.db import connections
from django.db.models import Model
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import Session
from codlet_sessions.stores import readings
from codlet_sessions.subjects import current_auth_hashes, is_session_auth_hash, outdated_reason
from tests.asvs.people import signed_in

PLAIN = "django.contrib.auth.backends.ModelBackend"


class LetsNobodyIn(ModelBackend):
    def user_can_authenticate(self, user):
        return False


class FetchesItsOwnWay(ModelBackend):
    def get_user(self, user_id):
        return super().get_user(user_id)


class HidesSome(UserManager):
    def get_queryset(self):
        return super().get_queryset().exclude(username="ada")


def tables_asked(browser, page="user"):
    with CaptureQueriesContext(connections["default"]) as queries:
        response = browser.get(page)
    return response, [
        "auth_user" if 'FROM "auth_user"' in query["sql"] or "FROM `auth_user`" in query["sql"] else "session"
        for query in queries
    ]


@pytest.fixture
def inside(browser, ada):
    """A browser that ada has signed in with."""
    browser.get("enter/ada")
    return browser


def test_it_is_the_user_as_the_database_has_it(inside, ada):
    User.objects.filter(pk=ada.pk).update(first_name="Ada", last_name="Lovelace")
    response, asked = tables_asked(inside)
    assert (response.content, asked) == (b"ada", ["session"])


def test_everything_together_is_one_query(inside):
    response, asked = tables_asked(inside, "everything")
    assert response.json() == {"user": "ada", "subject": str(User.objects.get().pk), "value": None, "first_name": ""}
    assert asked == ["session"]


@pytest.mark.parametrize(
    ("backend", "who"),
    [(f"{__name__}.LetsNobodyIn", b""), (f"{__name__}.FetchesItsOwnWay", b"ada")],
)
def test_a_backend_of_the_hosts_is_asked_itself(browser, ada, settings, backend, who):
    settings.AUTHENTICATION_BACKENDS = [backend]
    store = signed_in(ada)
    store["_auth_user_backend"] = backend
    store.save()
    browser.cookie = store.session_key
    response, asked = tables_asked(browser)
    assert response.content == who
    assert "auth_user" in asked


def test_a_backend_that_is_no_longer_configured_signs_nobody_in(inside, settings):
    settings.AUTHENTICATION_BACKENDS = [f"{RemoteUserBackend.__module__}.RemoteUserBackend"]
    assert inside.get("user").content == b""


def test_a_manager_that_hides_users_hides_them_here_too(inside, monkeypatch):
    monkeypatch.setattr(User._default_manager, "__class__", HidesSome)
    assert inside.get("user").content == b""


def test_an_auth_hash_that_only_a_fallback_key_explains_is_left_to_django(inside, settings):
    before = inside.cookie
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another " * 10, [settings.SECRET_KEY]
    response, asked = tables_asked(inside)
    assert response.content == b"ada"
    assert "auth_user" in asked
    assert inside.cookie != before
    _response, asked = tables_asked(inside)
    assert asked == ["session"]


def test_users_in_another_database_are_asked_for_there(inside, settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.UsersElsewhere"]
    response, asked = tables_asked(inside)
    assert (response.content, asked) == (b"ada", ["session", "auth_user"])


class UsersElsewhere:
    def db_for_write(self, model, **hints):
        return "elsewhere" if model is User and not hints else None


def test_a_session_of_nobody_costs_no_user(browser):
    browser.get("remember/blue")
    response, asked = tables_asked(browser)
    assert (response.content, asked) == (b"", ["session"])


def test_a_user_whose_session_says_another_is_left_to_django(inside, ada, grace):
    store = signed_in(grace)
    Session.objects.filter(pk=store.session_id).update(user=ada)
    inside.cookie = store.session_key
    response, _asked = tables_asked(inside)
    assert response.content != b"ada"


def test_a_user_is_told_from_another_who_has_the_same_password(inside, ada, grace):
    User.objects.update(password="!")
    store = signed_in(User.objects.get(username="grace"))
    Session.objects.filter(pk=store.session_id).update(user=ada)
    inside.cookie = store.session_key
    response, asked = tables_asked(inside)
    assert (response.content, asked) == (b"grace", ["session", "auth_user"])


class Somebody:
    """A user whose model has a rule of its own for what its sessions begin under."""

    is_active, password = True, "secret"

    def __init__(self, says):
        self.says = says

    def get_session_auth_hash(self):
        return self.says


def test_a_rule_of_the_hosts_own_decides_about_its_sessions():
    (digest,) = {*current_auth_hashes(Somebody("one"))}
    assert outdated_reason(Somebody("one"), digest) is None
    assert outdated_reason(Somebody("another"), digest) == "credentials_changed"
    assert is_session_auth_hash("one", Somebody("one"))
    assert not is_session_auth_hash("one", Somebody("another"))
    assert current_auth_hashes(Somebody("")) == []


def test_a_visitor_who_only_leaves_something_is_nobody(db):
    store = SessionStore()
    store["value"] = 1
    store.save()
    again = SessionStore(store.session_key)
    again["value"] = 2
    assert again.read() is None


@pytest.fixture
def users_made():
    """Everybody whom Django makes an object of."""
    made = []

    def note(instance, **kwargs):
        made.append(instance)

    post_init.connect(note, sender=User)
    yield made
    post_init.disconnect(note, sender=User)


def test_no_user_is_made_to_learn_whose_session_it_is(ada, users_made):
    issued = sessions.issue(ada)
    assert sessions.validate(issued.secret) == issued.record
    assert users_made == []


def suspended_by_init(self, *args, **kwargs):
    Model.__init__(self, *args, **kwargs)
    self.is_active = False


def suspended_by_from_db(cls, *args, **kwargs):
    user = Model.from_db.__func__(cls, *args, **kwargs)
    user.is_active = False
    return user


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("__init__", suspended_by_init),
        ("from_db", classmethod(suspended_by_from_db)),
        ("is_active", property(lambda self: False, lambda self, value: None)),
    ],
)
def test_what_a_model_makes_of_its_columns_decides_and_not_the_columns(ada, monkeypatch, name, value):
    issued = sessions.issue(ada)
    readings._record_with_user.cache_clear()
    monkeypatch.setattr(User, name, value)
    try:
        assert sessions.validate(issued.secret) is None
    finally:
        readings._record_with_user.cache_clear()


def test_a_user_whose_column_says_that_it_is_not_active_is_nobody(ada):
    issued = sessions.issue(ada)
    User.objects.update(is_active=False)
    assert sessions.validate(issued.secret) is None


def test_a_user_whose_password_has_changed_unseen_is_nobody(ada):
    issued = sessions.issue(ada)
    User.objects.update(password="another")
    assert sessions.validate(issued.secret) is None
