"""For Django REST framework: a permission that wants a recent sign-in."""

from typing import Any

from rest_framework.permissions import BasePermission

from codlet_sessions import questions
from codlet_sessions.recent import MaxAge, is_recent
from codlet_sessions.timeouts import span
from codlet_sessions.visitors import visitor_of


class RecentSignIn(BasePermission):  # type: ignore[misc]  # it has no types
    """
    Lets in whoever has proved recently, in the session of the request, who they are.

    Others get a 403 with ``{"error": "recent_sign_in_required", "confirm_url": …}``; whoever is not signed in, or by
    something else than the session, gets what REST framework answers to those without credentials or permission.

    ``permission_classes = [RecentSignIn]``, or ``[RecentSignIn.within(300)]``.

    Attributes:
        max_age: How long ago the sign-in may be: a timedelta or a number of seconds;
            ``CODLET_SESSIONS["RECENT_SIGN_IN"]`` when None.

    """

    max_age: MaxAge = None
    message: Any = None

    @classmethod
    def within(cls, max_age: MaxAge) -> type["RecentSignIn"]:
        """
        Return the permission with a ``max_age`` of its own.

        Raises:
            ValueError: ``max_age`` is neither a timedelta nor a number of seconds, or not longer than nothing.

        """
        span(max_age)
        return type(cls.__name__, (cls,), {"max_age": max_age, "__module__": cls.__module__})

    def has_permission(self, request: Any, view: Any) -> bool:
        """Return whether the sign-in is recent."""
        visitor = visitor_of(request._request)
        is_of_session = visitor is not None and str(request.user.pk) == visitor.session.subject
        if visitor is None or not is_of_session:  # a token, for instance, has no moment of a sign-in
            return False
        if is_recent(visitor, self.max_age):
            return True
        self.message = {"error": "recent_sign_in_required", "confirm_url": questions.confirm_url()}
        return False
