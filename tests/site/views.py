"""Pages that ask for the session, leave it alone, begin it and end it."""

from django.contrib import auth
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse, HttpResponseServerError, JsonResponse

from codlet_sessions.auth import (
    aconfirm,
    acredentials_changed,
    alogin,
    alogout,
    confirm,
    credentials_changed,
    login,
    logout,
)


def _described(session):
    return JsonResponse({"id": session and str(session.id), "subject": session and session.subject})


def who(request):
    return _described(request.codlet_session)


async def awho(request):
    return _described(await request.acodlet_session())


def who_twice(request):
    assert request.codlet_session is request.codlet_session
    return _described(request.codlet_session)


async def awho_twice(request):
    assert await request.acodlet_session() is request.codlet_session
    return _described(request.codlet_session)


def untouched(request):
    return HttpResponse("nobody asked")


async def auntouched(request):
    return HttpResponse("nobody asked")


def sign_in(request, subject, remembered=""):
    return _described(login(request, subject, persistent=PERSISTENT[remembered]))


async def asign_in(request, subject, remembered=""):
    return _described(await alogin(request, subject, persistent=PERSISTENT[remembered]))


PERSISTENT = {"": None, "True": True, "False": False}


def sign_in_user(request, username):
    return _described(login(request, User.objects.get(username=username)))


async def asign_in_user(request, username):
    return _described(await alogin(request, await User.objects.aget(username=username)))


def sign_out(request):
    return JsonResponse({"ended": logout(request), "session": request.codlet_session})


async def asign_out(request):
    return JsonResponse({"ended": await alogout(request), "session": await request.acodlet_session()})


def sign_in_and_fail(request, subject):
    login(request, subject)
    return HttpResponseServerError("after all, no")


async def asign_in_and_fail(request, subject):
    await alogin(request, subject)
    return HttpResponseServerError("after all, no")


def sign_in_and_raise(request, subject):
    login(request, subject)
    raise Http404


async def asign_in_and_raise(request, subject):
    await alogin(request, subject)
    raise Http404


def sign_out_and_raise(request):
    logout(request)
    raise Http404


async def asign_out_and_raise(request):
    await alogout(request)
    raise Http404


def forsake(request):
    del request.session
    return HttpResponse("gone")


async def aforsake(request):
    del request.session
    return HttpResponse("gone")


def remember(request, value):
    request.session["value"] = value
    return HttpResponse("remembered")


async def aremember(request, value):
    await request.session.aset("value", value)
    return HttpResponse("remembered")


def recall(request):
    return HttpResponse(request.session.get("value", "nothing"))


async def arecall(request):
    return HttpResponse(await request.session.aget("value", "nothing"))


def report(request):
    session = request.codlet_session
    raise RuntimeError(f"a bug, while {session.subject} was here")


# What Django's own login(), logout() and session API do, for the engine.

BACKEND = "django.contrib.auth.backends.ModelBackend"


def enter(request, username):
    auth.login(request, User.objects.get(username=username), BACKEND)
    return _described(request.codlet_session)


async def aenter(request, username):
    await auth.alogin(request, await User.objects.aget(username=username), BACKEND)
    return _described(await request.acodlet_session())


def leave(request):
    auth.logout(request)
    return _described(request.codlet_session)


async def aleave(request):
    await auth.alogout(request)
    return _described(await request.acodlet_session())


def user(request):
    return HttpResponse(request.user.username)


async def auser(request):
    return HttpResponse((await request.auser()).username)


def both(request):
    return JsonResponse({"value": request.session.get("value"), **_facts(request.codlet_session)})


async def aboth(request):
    value = await request.session.aget("value")
    return JsonResponse({"value": value, **_facts(await request.acodlet_session())})


def _facts(session):
    return {"id": session and str(session.id), "subject": session and session.subject}


def drop(request, key):
    del request.session[key]
    return HttpResponse("dropped")


async def adrop(request, key):
    await request.session.apop(key)
    return HttpResponse("dropped")


def empty(request):
    request.session.clear()
    return HttpResponse("emptied")


async def aempty(request):
    request.session.clear()
    return HttpResponse("emptied")


def keep_for(request, seconds):
    request.session.set_expiry(seconds)
    return HttpResponse("kept")


async def akeep_for(request, seconds):
    await request.session.aset_expiry(seconds)
    return HttpResponse("kept")


def remember_and_answer(request, status):
    request.session["value"] = "blue"
    return HttpResponse(status=status)


async def aremember_and_answer(request, status):
    await request.session.aset("value", "blue")
    return HttpResponse(status=status)


def remember_and_raise(request):
    request.session["value"] = "blue"
    raise Http404


async def aremember_and_raise(request):
    await request.session.aset("value", "blue")
    raise Http404


def change_password(request):
    request.user.set_password("another")
    request.user.save()
    auth.update_session_auth_hash(request, request.user)
    return HttpResponse("changed")


async def achange_password(request):
    user = await request.auser()
    user.set_password("another")
    await user.asave()
    await request.session.acycle_key()
    await request.session.aset(auth.HASH_SESSION_KEY, user.get_session_auth_hash())
    return HttpResponse("changed")


def renew(request):
    request.session.cycle_key()
    return HttpResponse(request.session.session_key)


async def arenew(request):
    await request.session.acycle_key()
    return HttpResponse(request.session.session_key)


# What changes a user, and says nothing to the session.


def change_password_alone(request):
    request.user.set_password("another")
    request.user.save()
    return HttpResponse("changed")


async def achange_password_alone(request):
    user = await request.auser()
    user.set_password("another")
    await user.asave()
    return HttpResponse("changed")


def change_password_of(request, username):
    user = User.objects.get(username=username)
    user.set_password("another")
    user.save()
    return HttpResponse("changed")


async def achange_password_of(request, username):
    user = await User.objects.aget(username=username)
    user.set_password("another")
    await user.asave()
    return HttpResponse("changed")


def change_factor(request):
    return HttpResponse(credentials_changed(request.user))


async def achange_factor(request):
    return HttpResponse(await acredentials_changed(await request.auser(), request=request))


def change_name(request):
    request.user.first_name = "Ada"
    request.user.save()
    return HttpResponse("changed")


async def achange_name(request):
    user = await request.auser()
    user.first_name = "Ada"
    await user.asave()
    return HttpResponse("changed")


def deactivate(request):
    request.user.is_active = False
    request.user.save()
    return HttpResponse("gone")


async def adeactivate(request):
    user = await request.auser()
    user.is_active = False
    await user.asave()
    return HttpResponse("gone")


def confirmed(request):
    return _described(confirm(request))


async def aconfirmed(request):
    return _described(await aconfirm(request))


def sign_in_and_confirm(request, username):
    login(request, User.objects.get(username=username))
    return _described(confirm(request))


async def asign_in_and_confirm(request, username):
    await alogin(request, await User.objects.aget(username=username))
    return _described(await aconfirm(request))
