"""The pages that users see: their sessions, the question for the password, and one to sign in on."""

from codlet_sessions.views.confirm import ConfirmView
from codlet_sessions.views.inventory import EndOthersView, EndSessionView, SessionListView
from codlet_sessions.views.json import JsonEndOthersView, JsonEndSessionView, JsonListView
from codlet_sessions.views.sign_in import LoginView

__all__ = [
    "ConfirmView",
    "EndOthersView",
    "EndSessionView",
    "JsonEndOthersView",
    "JsonEndSessionView",
    "JsonListView",
    "LoginView",
    "SessionListView",
]
