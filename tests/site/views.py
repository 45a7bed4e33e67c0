"""Pages that ask for the session, leave it alone, begin it and end it."""

from django.http import Http404, HttpResponse, HttpResponseServerError, JsonResponse

from codlet_sessions.auth import alogin, alogout, login, logout


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


def sign_in(request, subject):
    return _described(login(request, subject))


async def asign_in(request, subject):
    return _described(await alogin(request, subject))


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
