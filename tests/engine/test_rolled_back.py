"""A view's transaction is rolled back: what it wrote into the session is written anew, who it signed in is not."""

import pytest
from django.contrib.auth import login, logout
from django.db import transaction
from django.http import HttpResponse

from codlet_sessions.backends.db import SessionStore
from codlet_sessions.middleware import AuthenticationMiddleware, SessionMiddleware
from codlet_sessions.models import Session

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def stored():
    store = SessionStore()
    store["a"] = 1
    store.save()
    return store.session_key


def answer(rf, view, cookie=None, *, rolls_back=True):
    """Have ``view`` answered inside a transaction of its own, as under ATOMIC_REQUESTS."""

    def atomic(request):
        with transaction.atomic():
            view(request)
            transaction.set_rollback(rolls_back)
        return HttpResponse(status=400 if rolls_back else 200)

    headers = {} if cookie is None else {"cookie": f"sessionid={cookie}"}
    return SessionMiddleware(AuthenticationMiddleware(atomic))(rf.get("/", headers=headers))


def saves(request):
    request.session["x"] = 1
    request.session.save()


@pytest.mark.parametrize("rolls_back", [True, False])
def test_data_that_the_view_saved_is_there_either_way(rf, stored, rolls_back):
    answer(rf, saves, stored, rolls_back=rolls_back)
    assert SessionStore(stored).load() == {"a": 1, "x": 1}


@pytest.mark.parametrize("rolls_back", [True, False])
def test_a_new_session_that_the_view_saved_is_there_either_way(rf, rolls_back):
    response = answer(rf, saves, rolls_back=rolls_back)
    assert SessionStore(response.cookies["sessionid"].value).load() == {"x": 1}
    assert Session.objects.count() == 1


def test_what_another_request_wrote_after_the_roll_back_is_kept(rf, stored):
    def saves_and_another_does(request):
        saves(request)
        request.session["y"] = 1

    def view(request):
        saves_and_another_does(request)

    answer(rf, view, stored)
    other = SessionStore(stored)
    other["z"] = 1
    other.save()
    assert set(SessionStore(stored).load()) == {"a", "x", "y", "z"}


def test_a_sign_in_on_a_session_that_was_there_is_rolled_back_with_the_rest(rf, stored, ada):
    response = answer(rf, lambda request: login(request, ada, BACKEND), stored)
    assert not response.cookies
    assert SessionStore(stored).load() == {"a": 1}


def test_a_sign_in_by_the_sites_own_login_is_rolled_back_too(rf):
    from codlet_sessions.auth import login as issue

    response = answer(rf, lambda request: issue(request, "device:42"))
    assert not response.cookies
    assert not Session.objects.exists()


def test_a_sign_in_whose_transaction_commits_is_one(rf, stored, ada):
    response = answer(rf, lambda request: login(request, ada, BACKEND), stored, rolls_back=False)
    assert Session.objects.get().user == ada
    assert SessionStore(response.cookies["sessionid"].value)["a"] == 1


def test_a_sign_out_whose_transaction_commits_is_one(rf, stored):
    response = answer(rf, logout, stored, rolls_back=False)
    assert response.cookies["sessionid"]["max-age"] == 0
    assert Session.objects.get().revoked_reason == "logout"
