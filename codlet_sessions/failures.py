"""What one request does about a store or keys that did not answer: it does not ask them again."""

from collections.abc import Iterator
from contextlib import contextmanager

from codlet_sessions.errors import FAILURES


class RemembersFailure:
    """
    Asks at most once for what fails.

    Attributes:
        failure: The error that kept the store or the keys from answering, if they failed.

    """

    failure: Exception | None = None

    @contextmanager
    def _remembering_failure(self) -> Iterator[None]:
        """Raise what failed before, or remember what fails now."""
        if self.failure is not None:
            raise self.failure
        try:
            yield
        except FAILURES as error:
            self.failure = error
            raise
