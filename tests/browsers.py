"""Browsers: Django's test clients, in every pairing of server world and view world."""

from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

COOKIE = "codlet_session"


class Browser:
    """A test client that asks for the pages of one view world, through the handler of one server world."""

    cookie_name = COOKIE

    def __init__(self, name, client, prefix, *, is_async):
        self.name, self.client, self.prefix, self.is_async = name, client, prefix, is_async

    def get(self, page, **extra):
        ask = async_to_sync(self.client.get) if self.is_async else self.client.get
        return ask(f"/{self.prefix}/{page}/", **extra)

    def who(self):
        return self.get("who").json()["subject"]

    @property
    def cookie(self):
        morsel = self.client.cookies.get(self.cookie_name)
        return morsel.value if morsel else None

    @cookie.setter
    def cookie(self, value):
        self.client.cookies[self.cookie_name] = value


def wsgi_sync():
    return Browser("wsgi, sync view", Client(raise_request_exception=False), "s", is_async=False)


def wsgi_async():
    return Browser("wsgi, async view", Client(raise_request_exception=False), "a", is_async=False)


def asgi_sync():
    return Browser("asgi, sync view", AsyncClient(raise_request_exception=False), "s", is_async=True)


def asgi_async():
    return Browser("asgi, async view", AsyncClient(raise_request_exception=False), "a", is_async=True)


BROWSERS = [wsgi_sync, wsgi_async, asgi_sync, asgi_async]
