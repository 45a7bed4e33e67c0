"""Pages that ask for the session, leave it alone, begin it and end it."""

from datetime import timedelta

from asgiref.sync import sync_to_async
from django.contrib import auth
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseServerError, JsonResponse

from codlet_sessions.api import sessions
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
from codlet_sessions.errors import SessionLimitReached


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


def everything(request):
    user, session = request.user, request.codlet_session
    facts = {"user": user.username, "first_name": user.first_name, "subject": session.subject}
    return JsonResponse({**facts, "value": request.session.get("value")})


async def aeverything(request):
    user, session = await request.auser(), await request.acodlet_session()
    facts = {"user": user.username, "first_name": user.first_name, "subject": session.subject}
    return JsonResponse({**facts, "value": await request.session.aget("value")})


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


# A change of the password, and what a view may do besides.


def _change(username):
    user = User.objects.get(username=username)
    user.set_password("another")
    user.save()
    return user


_achange = sync_to_async(_change)


def change_and_leave(request):
    _change("ada")
    auth.logout(request)
    return HttpResponse("changed")


async def achange_and_leave(request):
    await _achange("ada")
    await auth.alogout(request)
    return HttpResponse("changed")


def change_and_flush(request):
    _change("ada")
    request.session.flush()
    return HttpResponse("changed")


async def achange_and_flush(request):
    await _achange("ada")
    await request.session.aflush()
    return HttpResponse("changed")


def change_factor_and_leave(request):
    credentials_changed(request.user)
    auth.logout(request)
    return HttpResponse("changed")


async def achange_factor_and_leave(request):
    await acredentials_changed(await request.auser())
    await auth.alogout(request)
    return HttpResponse("changed")


def change_and_enter(request, username):
    _change("ada")
    return enter(request, username)


async def achange_and_enter(request, username):
    await _achange("ada")
    return await aenter(request, username)


def change_of_and_look(request, username):
    _change(username)
    return user(request)


async def achange_of_and_look(request, username):
    await _achange(username)
    return await auser(request)


def change_and_roll_back(request, username):
    with transaction.atomic():
        _change(username)
        transaction.set_rollback(True)
    return HttpResponse("not changed")


achange_and_roll_back = sync_to_async(change_and_roll_back)


def change_and_revoke_all(request, username):
    sessions.revoke_all(_change(username))
    return HttpResponse("changed")


async def achange_and_revoke_all(request, username):
    await sessions.arevoke_all(await _achange(username))
    return HttpResponse("changed")


def change_and_deactivate(request, username):
    user = _change(username)
    user.is_active = False
    user.save()
    return HttpResponse("changed")


achange_and_deactivate = sync_to_async(change_and_deactivate)


def confirm_and_change(request, username):
    confirm(request)
    _change(username)
    return HttpResponse("changed")


async def aconfirm_and_change(request, username):
    await aconfirm(request)
    await _achange(username)
    return HttpResponse("changed")


def sign_in_for_a_minute(request, subject):
    return _described(login(request, subject, lifetime=timedelta(minutes=1), persistent=False))


async def asign_in_for_a_minute(request, subject):
    return _described(await alogin(request, subject, lifetime=timedelta(minutes=1), persistent=False))


def enter_or_say(request, username):
    try:
        enter(request, username)
    except SessionLimitReached:
        return JsonResponse({"user": request.user.username, "refused": True})


async def aenter_or_say(request, username):
    try:
        await aenter(request, username)
    except SessionLimitReached:
        return JsonResponse({"user": (await request.auser()).username, "refused": True})


def sign_in_and_change_and_roll_back(request, username):
    with transaction.atomic():
        login(request, User.objects.get(username=username))
        _change(username)
        transaction.set_rollback(True)
    return HttpResponse("not changed")


asign_in_and_change_and_roll_back = sync_to_async(sign_in_and_change_and_roll_back)
