"""What one request does about a store or keys that did not answer: it does not ask them again."""

from types import TracebackType

from codlet_sessions.errors import FAILURES


class RemembersFailure:
    """
    Asks at most once for what fails.

    Attributes:
        failure: The error that kept the store or the keys from answering, if they failed.

    """

    failure: Exception | None = None

    def _remembering_failure(self) -> "_Remembering":
        """Raise what failed before, or remember what fails now."""
        self._raise_known_failure()
        return _Remembering(self)

    def _raise_known_failure(self) -> None:
        """Raise what failed before. Whoever is on the way of each request remembers by hand what fails."""
        if self.failure is not None:
            raise self.failure


class _Remembering:
    # A class, as is every context manager that each request goes through: a generator takes four times as long.

    __slots__ = ("_whose",)

    def __init__(self, whose: RemembersFailure) -> None:
        self._whose = whose

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, FAILURES):
            self._whose.failure = error
