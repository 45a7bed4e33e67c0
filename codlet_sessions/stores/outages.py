"""What a failing database means to whoever asked a store."""

from types import TracebackType
from typing import Final, NoReturn

from django.db import DataError, Error, IntegrityError

from codlet_sessions.errors import StoreInvariantViolated, StoreUnavailable

_NOT_ASKED: Final = (
    "The session table could not be asked ({}). Is the database up, and has"
    " 'python manage.py migrate codlet_sessions' been run?"
)


class translated_errors:  # noqa: N801  # a context manager, and a class for the speed of it
    """
    Make Django's database errors those of a store, without the values that the drivers quote in theirs.

    Args:
        not_asked: What to say when there was no answer, with ``{}`` for the kind of error.

    """

    __slots__ = ("_not_asked",)

    def __init__(self, not_asked: str = _NOT_ASKED) -> None:
        self._not_asked = not_asked

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Error):
            raise_translated(error, self._not_asked)


def raise_translated(error: Error, not_asked: str = _NOT_ASKED) -> NoReturn:
    """Raise what `translated_errors` makes of ``error``: for look-ups, which have no time for a context manager."""
    if isinstance(error, IntegrityError | DataError):
        # Not chained: the drivers quote the offending row, and with it the lookup key, in their message.
        raise StoreInvariantViolated(
            "The database refused the session: its id or lookup key is taken, or a value does not fit its column."
        ) from None
    _drop_frames(error)
    raise StoreUnavailable(not_asked.format(type(error).__name__)) from error


def _drop_frames(error: BaseException | None) -> None:
    """Forget where ``error`` and what caused it came from: the variables of those frames hold lookup keys."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__
