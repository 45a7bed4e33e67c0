"""A page to sign in on, with a box to stay signed in."""

from typing import Any

from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpResponse

from codlet_sessions.engine import EngineSession
from codlet_sessions.forms import SignInForm


class LoginView(views.LoginView):
    """
    Django's, and whoever ticks the box stays signed in when the browser closes.

    Without the tick, SESSION_EXPIRE_AT_BROWSER_CLOSE decides. There is no second cookie, and the session lasts no
    longer for it. Under another engine than ours there is no box.
    """

    form_class = SignInForm
    template_name = "codlet_sessions/sign_in.html"

    def get_form(self, form_class: Any = None) -> AuthenticationForm:
        """Return the form; without the box, if nothing would come of it."""
        form = super().get_form(form_class)
        if not isinstance(self.request.session, EngineSession):
            form.fields.pop("persistent", None)
        return form

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, and have the browser keep the cookie if that was asked for."""
        response = super().form_valid(form)
        session = self.request.session
        if isinstance(session, EngineSession) and form.cleaned_data.get("persistent"):
            session.set_persistent(True)
        return response
