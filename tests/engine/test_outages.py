"""When the store or the keys do not answer: a 503 that leaves the cookie alone, under our engine as well."""

import pytest

from codlet_sessions.backends.db import SessionStore
from codlet_sessions.errors import StoreUnavailable


@pytest.fixture
def visitor(browser):
    browser.get("remember/blue")
    return browser


@pytest.mark.parametrize("page", ["recall", "both", "user", "remember/red", "leave", "sign-in/device:1"])
def test_a_database_that_is_down_is_a_503_and_the_cookie_stays(visitor, page, request):
    request.getfixturevalue("database_down")
    response = visitor.get(page)
    assert (response.status_code, len(response.cookies)) == (503, 0)


def test_a_database_that_goes_down_before_the_session_is_saved_is_a_503(visitor, request, rf):
    from django.http import HttpResponse

    from codlet_sessions.middleware import SessionMiddleware

    def view(asked):
        asked.session["value"] = "red"
        request.getfixturevalue("database_down")
        return HttpResponse()

    asked = rf.get("/", headers={"cookie": f"sessionid={visitor.cookie}"})
    response = SessionMiddleware(view)(asked)
    assert (response.status_code, len(response.cookies)) == (503, 0)


def test_a_database_that_goes_down_before_an_async_view_is_done_is_a_503(visitor, request):
    from asgiref.sync import async_to_sync, sync_to_async
    from django.http import HttpResponse
    from django.test import AsyncRequestFactory

    from codlet_sessions.middleware import SessionMiddleware

    async def view(asked):
        await asked.session.aset("value", "red")
        await sync_to_async(request.getfixturevalue)("database_down")
        return HttpResponse()

    asked = AsyncRequestFactory().get("/", headers={"cookie": f"sessionid={visitor.cookie}"})
    response = async_to_sync(SessionMiddleware(view))(asked)
    assert (response.status_code, len(response.cookies)) == (503, 0)


def test_a_page_that_does_not_ask_is_served_while_the_database_is_down(visitor, request):
    request.getfixturevalue("database_down")
    assert visitor.get("untouched").status_code == 200


def test_a_vault_that_is_down_is_a_503_and_the_cookie_stays(visitor, settings):
    def vault():
        raise TimeoutError("the vault is sealed")

    keys = settings.CODLET_SESSIONS
    settings.CODLET_SESSIONS = {"KEYS": vault}
    response = visitor.get("recall")
    settings.CODLET_SESSIONS = keys
    assert (response.status_code, len(response.cookies)) == (503, 0)
    assert visitor.get("recall").content == b"blue"


def test_a_store_that_failed_is_not_asked_again_in_the_same_request(visitor, request):
    store = SessionStore(visitor.cookie)
    request.getfixturevalue("database_down")
    errors = []
    for _ in range(2):
        with pytest.raises(StoreUnavailable) as caught:
            store.get("value")
        errors.append(caught.value)
    assert errors[0] is errors[1]
