"""Who a session speaks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import SESSION_KEY, get_user_model
from django.core.exceptions import ValidationError

from codlet_sessions.models import MAX_SUBJECT_LENGTH


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject's name, and the primary key of its row of AUTH_USER_MODEL when it is a user."""

    name: str
    user_id: object = None


NOBODY = Subject("")


def subject_of(subject_or_user: object) -> Subject:
    """
    Return the subject that ``subject_or_user`` stands for: a string is its own name, a user's is ``str(user.pk)``.

    A site that issues sessions to other things than users should give them names that no primary key can be:
    ``"device:42"``, not ``"42"``.

    Raises:
        TypeError: It is neither a string nor a user of AUTH_USER_MODEL.
        ValueError: It is empty, longer than 255 characters, holds a NUL, or is a user that has not been saved.

    """
    if isinstance(subject_or_user, str):
        return Subject(_checked(str(subject_or_user)))
    if not isinstance(subject_or_user, get_user_model()):
        raise TypeError(
            "A subject is a user of AUTH_USER_MODEL or a string such as 'device:42',"
            f" not {type(subject_or_user).__name__}."
        )
    if subject_or_user.pk is None:
        raise ValueError("This user has no primary key yet: save it before its session is issued.")
    return Subject(_checked(str(subject_or_user.pk)), subject_or_user.pk)


def subject_in(data: Mapping[str, Any]) -> Subject:
    """
    Return who has signed in by Django's ``login()``, going by the ``data`` of a session; "" when nobody has.

    The one place where subject and user are derived from data, for every way that a session is written.
    """
    try:
        user_id = get_user_model()._meta.pk.to_python(data.get(SESSION_KEY))
    except ValidationError:  # not a primary key of AUTH_USER_MODEL: it will not sign anybody in either
        return NOBODY
    return NOBODY if user_id is None else Subject(str(user_id), user_id)


def _checked(name: str) -> str:
    if not name:
        raise ValueError("The subject is empty: a session without a subject speaks for nobody.")
    if "\0" in name:
        raise ValueError("The subject holds a NUL character, which PostgreSQL cannot store.")
    if len(name) > MAX_SUBJECT_LENGTH:
        raise ValueError(f"The subject is {len(name)} characters long; {MAX_SUBJECT_LENGTH} are allowed.")
    return name
