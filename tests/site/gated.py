"""Pages for those who have signed in recently: each tells what was sent to it."""

from django.http import JsonResponse
from django.views.generic import View

from codlet_sessions.recent import RecentSignInRequiredMixin, recent_sign_in_required


def _told(request, session):
    sent = {name: values for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"}
    files = sorted(request.FILES)
    return JsonResponse({"subject": session.subject, "id": str(session.id), "sent": sent, "files": files})


@recent_sign_in_required
def gated(request):
    return _told(request, request.codlet_session)


@recent_sign_in_required
async def agated(request):
    return _told(request, await request.acodlet_session())


@recent_sign_in_required(max_age=60)
def gated_strictly(request):
    return _told(request, request.codlet_session)


@recent_sign_in_required(max_age=60)
async def agated_strictly(request):
    return _told(request, await request.acodlet_session())


class Gated(RecentSignInRequiredMixin, View):
    max_age = 300

    def get(self, request):
        return _told(request, request.codlet_session)

    post = get


class AsyncGated(RecentSignInRequiredMixin, View):
    max_age = 300

    async def get(self, request):
        return _told(request, await request.acodlet_session())

    post = get
