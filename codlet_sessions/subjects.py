"""
Who a session speaks for, and under which credentials.

A user's session auth hash (``get_session_auth_hash()``, an HMAC of the password) changes with the password. A row holds
a digest of the one that its session began under, so that the rows that a changed password leaves behind can be found.
A session that was issued holds one of the password as it is stored, which no other key has a part in.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from hmac import compare_digest
from itertools import chain
from typing import Any, Final

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_backends, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.signals import setting_changed
from django.db import router
from django.dispatch import receiver
from django.utils.crypto import salted_hmac

from codlet_sessions.hashing import unwrapped
from codlet_sessions.models import MAX_SUBJECT_LENGTH
from codlet_sessions.records import RevocationReason, UserRow


@dataclass(frozen=True, slots=True)
class Subject:
    """
    A subject.

    Attributes:
        name: Its name.
        user_id: The primary key of its row of AUTH_USER_MODEL, when it is a user.
        auth_hash: What the user's credentials come to, if that is known: 32 hexadecimal characters.

    """

    name: str
    user_id: object = None
    auth_hash: str | None = None


NOBODY = Subject("")
_AUTH_HASH_SALT: Final = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


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
    return Subject(_checked(str(subject_or_user.pk)), subject_or_user.pk, auth_hash_of(subject_or_user))


def subject_in(data: Mapping[str, Any]) -> Subject:
    """
    Return who has signed in by Django's ``login()``, going by the ``data`` of a session; "" when nobody has.

    The one place where subject and user are derived from data, for every way that a session is written.
    """
    try:
        user_id = get_user_model()._meta.pk.to_python(data.get(SESSION_KEY))
    except ValidationError:  # not a primary key of AUTH_USER_MODEL: it will not sign anybody in either
        return NOBODY
    return NOBODY if user_id is None else Subject(str(user_id), user_id, _digest(data.get(HASH_SESSION_KEY)))


def auth_hash_of(user: Any) -> str | None:
    """
    Return what the credentials of ``user`` come to now, for a session that Django knows nothing of; None if unknown.

    Where Django's rule is that the password decides, without SECRET_KEY: to rotate that must not sign anybody out here.
    """
    if not hasattr(user, "get_session_auth_hash"):
        return None
    has_djangos_rule = _has_djangos_rule(user.__class__)
    return _digest(user.password if has_djangos_rule else user.get_session_auth_hash())


def current_auth_hashes(user: Any) -> list[str] | None:
    """
    Return what the credentials of ``user`` may come to, by Django's rule or ours; None if its model is silent.

    A session that began under any other has been left behind by a change of the password.
    """
    return list(_auth_hashes_in_turn(user)) if hasattr(user, "get_session_auth_hash") else None


def _auth_hashes_in_turn(user: Any) -> Iterator[str]:
    """Yield what the credentials of ``user`` may come to, the cheapest first: whoever looks for one stops there."""
    ours = auth_hash_of(user)
    if ours is not None:
        yield ours
    fallbacks = getattr(user, "get_session_auth_fallback_hash", tuple)
    for text in chain((user.get_session_auth_hash(),), fallbacks()):
        if (digest := _digest(text)) is not None:
            yield digest


def is_session_auth_hash(text: object, user: Any) -> bool:
    """Return whether ``text`` is what ``user.get_session_auth_hash()`` returns now."""
    given = str(text or "").encode()
    is_it = _has_djangos_rule(user.__class__) and compare_digest(given, _reckoned(user.password).encode())
    return is_it or compare_digest(given, str(user.get_session_auth_hash()).encode())


@lru_cache(maxsize=1)  # every request needs it twice
def _reckoned(password: str) -> str:
    """
    Return the session auth hash of whoever has ``password``, as it is stored, for a fifth of what Django takes for it.

    Whatever it does not fit is compared to what Django says itself.
    """
    keyed = _primed().copy()
    keyed.update(password.encode())
    return str(keyed.hexdigest())


@cache
def _primed() -> Any:
    # The same for all: Django derives the key from SECRET_KEY alone.
    return unwrapped(salted_hmac(_AUTH_HASH_SALT, b"", algorithm="sha256"))


@receiver(setting_changed, dispatch_uid="codlet_sessions.subjects")
def _forget_key(*, setting: str, **kwargs: object) -> None:
    if setting == "SECRET_KEY":
        _primed.cache_clear()
        _reckoned.cache_clear()


def _has_djangos_rule(model: type[Any]) -> bool:
    # Of request.user, it is the __class__ that is the model of the user that it stands for.
    return getattr(model, "get_session_auth_hash", None) is AbstractBaseUser.get_session_auth_hash


def may_sign_in(user: Any) -> bool:
    """Return whether ``user`` is active, or an authentication backend says that it lets inactive users in."""
    if getattr(user, "is_active", True):
        return True
    try:
        return any(getattr(backend, "user_can_authenticate", _no)(user) for backend in get_backends())
    except ImproperlyConfigured:  # no backend at all
        return False


def user_as_it_is(user_id: Any, using: str | None = None) -> Any:
    """Return the user of that primary key as the database has it now, or None. Reads the primary; one query."""
    model = get_user_model()
    return model._base_manager.using(using or router.db_for_write(model)).filter(pk=user_id).first()


def outdated_reason(user: Any, auth_hash: str | None) -> RevocationReason | None:
    """
    Return why a session of ``user``, None if that is gone, has no business going on; None if it has.

    Args:
        user: As it is now.
        auth_hash: What the user's credentials came to when the session began, if that is known.

    """
    if user is None:
        return RevocationReason.USER_DELETED
    if not may_sign_in(user):
        return RevocationReason.USER_DEACTIVATED
    if auth_hash is None or not hasattr(user, "get_session_auth_hash"):
        return None
    if _is_plainly_of(user, user.__class__, auth_hash) or auth_hash in _auth_hashes_in_turn(user):
        return None
    return RevocationReason.CREDENTIALS_CHANGED


def outdated_reason_in(row: UserRow | None, auth_hash: str | None) -> RevocationReason | None:
    """Return what `outdated_reason` does of the user in ``row``, without making one if all is as it was."""
    if row is None:
        return RevocationReason.USER_DELETED
    is_as_it_was = row.is_active is True and (auth_hash is None or _is_plainly_of(row, row.table.model, auth_hash))
    return None if is_as_it_was else outdated_reason(row.as_user(), auth_hash)


def _is_plainly_of(holder: Any, model: type[Any], auth_hash: str) -> bool:
    """Return whether ``auth_hash`` is of the password of ``holder``, a user or its row; False if others must say."""
    password = holder.password if _has_djangos_rule(model) else None
    if not isinstance(password, str):
        return False
    return auth_hash == _digest(_reckoned(password)) or auth_hash == _digest(password)


def _no(user: object) -> bool:
    return False


def _digest(auth_hash: object) -> str | None:
    return hashlib.sha256(str(auth_hash).encode()).hexdigest()[:32] if auth_hash else None


def _checked(name: str) -> str:
    if not name:
        raise ValueError("The subject is empty: a session without a subject speaks for nobody.")
    if "\0" in name:
        raise ValueError("The subject holds a NUL character, which PostgreSQL cannot store.")
    if len(name) > MAX_SUBJECT_LENGTH:
        raise ValueError(f"The subject is {len(name)} characters long; {MAX_SUBJECT_LENGTH} are allowed.")
    return name
