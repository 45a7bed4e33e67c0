"""WSGI and ASGI, each with many requests at once: every request has a thread and a connection of its own."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from urllib.parse import quote

from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.test import Client

from tests.races.site import PATIENCE, STAGE, AsyncBarrier, Barrier

COOKIE = "sessionid"


class Answer:
    """What came back: the status, the cookies that were set, and the page as data."""

    def __init__(self, status, cookies, body):
        self.status, self.body = status, body
        self.cookie = cookies.get(COOKIE)

    @property
    def secret(self):
        """The secret that the browser is to keep, if it is told to keep one."""
        return self.cookie.value if self.cookie is not None and self.cookie.value else None

    @property
    def page(self):
        return json.loads(self.body)


class Wsgi:
    """Sync views under WSGI, a thread for each request."""

    def one(self, script, cookie=None):
        client = Client(raise_request_exception=False)
        if cookie is not None:
            client.cookies[COOKIE] = cookie
        try:
            response = client.get(f"/sync/{quote(script)}/")
        finally:
            connections.close_all()
        return Answer(response.status_code, response.cookies, response.content)

    def race(self, calls, **parties):
        """Send ``(script, cookie)`` all at once; return the answers in the same order."""
        STAGE.set(Barrier, **parties)
        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(lambda call: self.one(*call), calls))

    def overtake(self, slow, quick):
        """Send ``slow``, which meets at "ready" and "go", and have ``quick`` answered between the two."""
        STAGE.set(Barrier, ready=2, go=2)
        with ThreadPoolExecutor(1) as pool:
            overtaken = pool.submit(self.one, *slow)
            STAGE.barriers["ready"].wait(PATIENCE)
            first = ThreadPoolExecutor(1).submit(self.one, *quick).result()
            STAGE.barriers["go"].wait(PATIENCE)
            return overtaken.result(), first


class Asgi:
    """Async views under ASGI, a task for each request, whose queries run in a thread of its own."""

    def __init__(self):
        self.application = ASGIHandler()

    def one(self, script, cookie=None):
        return asyncio.run(self._one(script, cookie))

    def race(self, calls, **parties):
        """Send ``(script, cookie)`` all at once; return the answers in the same order."""

        async def all_at_once():
            STAGE.set(AsyncBarrier, **parties)
            return await asyncio.gather(*(self._one(*call) for call in calls))

        return asyncio.run(all_at_once())

    def overtake(self, slow, quick):
        """Send ``slow``, which meets at "ready" and "go", and have ``quick`` answered between the two."""

        async def one_and_the_other():
            STAGE.set(AsyncBarrier, ready=2, go=2)
            overtaken = asyncio.create_task(self._one(*slow))
            await asyncio.wait_for(STAGE.barriers["ready"].wait(), PATIENCE)
            first = await self._one(*quick)
            await asyncio.wait_for(STAGE.barriers["go"].wait(), PATIENCE)
            return await overtaken, first

        return asyncio.run(one_and_the_other())

    async def _one(self, script, cookie=None):
        headers = [(b"host", b"testserver")]
        if cookie is not None:
            headers.append((b"cookie", f"{COOKIE}={cookie}".encode()))
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/async/{script}/",
            "query_string": b"",
            "headers": headers,
            "http_version": "1.1",
            "server": ("testserver", 80),
        }
        communicator = ApplicationCommunicator(self.application, scope)
        await communicator.send_input({"type": "http.request"})
        start = await communicator.receive_output(2 * PATIENCE)
        body = await communicator.receive_output(2 * PATIENCE)
        await communicator.wait(PATIENCE)
        cookies = SimpleCookie()
        for name, value in start["headers"]:
            if name.lower() == b"set-cookie":
                cookies.load(value.decode())
        return Answer(start["status"], cookies, body["body"])
