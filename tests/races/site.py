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


def act(request, script):
    for step, what in steps_of(script):
        if step == "load":
            request.session.get("anything")
        elif step == "set":
            request.session[what] = what
        elif step == "delete":
            del request.session[what]
        elif step == "meet":
            STAGE.barriers[what].wait(PATIENCE)
        elif step == "login":
            login(request, User.objects.get(username=what), BACKEND)
        elif step == "revoke":
            sessions.revoke(what)
    return JsonResponse({"user": request.user.username, "keys": sorted(request.session.keys())})


async def aact(request, script):
    for step, what in steps_of(script):
        if step == "load":
            await request.session.aget("anything")
        elif step == "set":
            await request.session.aset(what, what)
        elif step == "delete":
            await request.session.apop(what)
        elif step == "meet":
            await asyncio.wait_for(STAGE.barriers[what].wait(), PATIENCE)
        elif step == "login":
            await alogin(request, await User.objects.aget(username=what), BACKEND)
        elif step == "revoke":
            await sessions.arevoke(what)
    user = await request.auser()
    return JsonResponse({"user": user.username, "keys": sorted(await request.session.akeys())})


urlpatterns = [path("sync/<str:script>/", act), path("async/<str:script>/", aact)]

Barrier, AsyncBarrier = threading.Barrier, asyncio.Barrier
