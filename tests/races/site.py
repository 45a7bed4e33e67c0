"""A site of one page, which does what its address says, step by step, so that a race can be written down."""

import asyncio
import threading
from urllib.parse import unquote

from django.contrib.auth import alogin, login
from django.contrib.auth.models import User
from django.http import JsonResponse
from django.urls import path

from codlet_sessions.api import sessions

BACKEND = "django.contrib.auth.backends.ModelBackend"
PATIENCE = 20  # seconds that a request waits for the others


class Stage:
    """Where requests of one race wait for one another: barriers by name, each for so many."""

    def set(self, kind, **parties):
        self.barriers = {name: kind(number) for name, number in parties.items()}


STAGE = Stage()


def steps_of(script):
    return [step.partition(":")[::2] for step in unquote(script).split(",")]


STEPS = {
    "load": lambda request, what: request.session.get("anything"),
    "set": lambda request, key: request.session.update({key: key}),
    "delete": lambda request, key: request.session.pop(key),
    "flush": lambda request, what: request.session.flush(),
    "meet": lambda request, where: STAGE.barriers[where].wait(PATIENCE),
    "login": lambda request, name: login(request, User.objects.get(username=name), BACKEND),
    "revoke": lambda request, session_id: sessions.revoke(session_id),
}


def act(request, script):
    for step, what in steps_of(script):
        STEPS[step](request, what)
    return JsonResponse({"user": request.user.username, "keys": sorted(request.session.keys())})


async def asign_in(request, name):
    await alogin(request, await User.objects.aget(username=name), BACKEND)


ASYNC_STEPS = {
    "load": lambda request, what: request.session.aget("anything"),
    "set": lambda request, key: request.session.aupdate({key: key}),
    "delete": lambda request, key: request.session.apop(key),
    "flush": lambda request, what: request.session.aflush(),
    "meet": lambda request, where: asyncio.wait_for(STAGE.barriers[where].wait(), PATIENCE),
    "login": asign_in,
    "revoke": lambda request, session_id: sessions.arevoke(session_id),
}


async def aact(request, script):
    for step, what in steps_of(script):
        await ASYNC_STEPS[step](request, what)
    user = await request.auser()
    return JsonResponse({"user": user.username, "keys": sorted(await request.session.akeys())})


urlpatterns = [path("sync/<str:script>/", act), path("async/<str:script>/", aact)]

Barrier, AsyncBarrier = threading.Barrier, asyncio.Barrier
