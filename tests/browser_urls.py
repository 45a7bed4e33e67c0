"""The example site, and the pages that nobody can be led to on purpose."""

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import path

from codlet_sessions import questions
from codlet_sessions.carrying import Carried
from codlet_sessions.views import LoginView
from codlet_sessions.visitors import Visitor
from example_project.urls import urlpatterns as example


def look(request, name):
    return HttpResponse(render_to_string(f"codlet_sessions/{name}.html"))


def asked(request, name):
    """The page that asks, as it is for a form with files, and for somebody who has no password."""
    visitor = Visitor(request.codlet_session, request.user)
    if name == "without_password":
        visitor.user.set_unusable_password()
    page = questions.ask_here(request, visitor, Carried([("title", "me")], ["me.png", "<b>.png"]))
    page.status_code = 200  # or the console would complain
    return page


urlpatterns = [
    *example,
    path("look/<slug:name>/", look),
    path("asked/<slug:name>/", asked),
    path("our-sign-in/", LoginView.as_view()),
]
