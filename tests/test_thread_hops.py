"""What the middleware costs under ASGI: no thread hop, unless something has to be read or written."""

from contextlib import contextmanager

import asgiref.sync
import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncRequestFactory

from codlet_sessions.api import sessions
from codlet_sessions.middleware import SessionMiddleware
from tests.browsers import COOKIE

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def counted_hops(monkeypatch):
    """Count every call that asgiref takes to another thread."""
    hops = []
    hop = asgiref.sync.SyncToAsync.__call__

    def counting(self, *args, **kwargs):
        hops.append(self.func)
        return hop(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(asgiref.sync.SyncToAsync, "__call__", counting)
        yield hops


def hops_of(view, monkeypatch, cookie=""):
    middleware = SessionMiddleware(view)
    browser = AsyncRequestFactory()
    browser.cookies[COOKIE] = cookie
    request = browser.get("/")
    with counted_hops(monkeypatch) as hops:
        async_to_sync(middleware)(request)
    return len(hops)


async def untouched(request):
    return HttpResponse()


async def reads(request):
    await request.acodlet_session()
    await request.acodlet_session()
    return HttpResponse()


async def looks_at_djangos_session(request):
    request.session.is_empty()
    return HttpResponse()


async def writes_djangos_session(request):
    request.session["value"] = "blue"
    return HttpResponse()


@pytest.fixture
def cookie():
    return sessions.issue("device:42").secret.expose()


def test_an_untouched_session_costs_no_hop(monkeypatch, cookie):
    assert hops_of(untouched, monkeypatch, cookie) == 0


def test_a_read_session_costs_the_one_hop_of_its_query(monkeypatch, cookie):
    assert hops_of(reads, monkeypatch, cookie) == 1


def test_no_cookie_and_a_malformed_one_cost_no_hop(monkeypatch):
    assert hops_of(reads, monkeypatch) == 0
    assert hops_of(reads, monkeypatch, "malformed") == 0


def test_djangos_own_session_costs_a_hop_only_when_it_has_to_be_saved(monkeypatch):
    assert hops_of(looks_at_djangos_session, monkeypatch) == 0
    assert hops_of(writes_djangos_session, monkeypatch) == 1
