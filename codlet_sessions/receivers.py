"""What this app does when something happens elsewhere in Django."""

from typing import Any

from codlet_sessions.engine import EngineSession


def begin_life_anew(sender: object, request: Any = None, user: Any = None, **kwargs: object) -> None:
    """
    On ``user_logged_in``: the session's end is counted from now, under a secret that no earlier cookie has.

    Django's ``login()`` changes the key of an anonymous session only. Somebody who signs in again, on a session of
    theirs, gets a new secret, too (ASVS 5.0 7.2.4). Those who sign in otherwise, by a token for instance, send the same
    signal and leave the session alone.
    """
    session = getattr(request, "session", None)
    if isinstance(session, EngineSession) and session.is_of(user):
        session.note_sign_in()
