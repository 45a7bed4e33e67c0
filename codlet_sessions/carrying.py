"""What was sent with a form, carried along while its sender is asked for the password, and handed over afterwards."""

from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpRequest, QueryDict

PASSWORD: Final = "codlet_password"  # noqa: S105  # the names of our own fields, which no view gets to see
LEFT_BEHIND: Final = "codlet_left_behind"
_CSRF: Final = "csrfmiddlewaretoken"  # the page has one of its own
_URLENCODED: Final = "application/x-www-form-urlencoded"
_FORMS: Final = (_URLENCODED, "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Carried:
    """
    A form that was sent, less what we had added.

    Attributes:
        fields: Its names and values, in their order; a name may come more than once.
        files: The names of the files that were sent with it: a page cannot hand a file on.
        password: What was typed into our own field; None if that was not asked yet.

    """

    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    password: str | None = field(default=None, repr=False)


def is_form(request: HttpRequest) -> bool:
    """Return whether ``request`` was sent by a form of a page, so that a page can send it again."""
    return request.method == "POST" and request.content_type in _FORMS


def may_be_ours(request: HttpRequest) -> bool:
    """Return whether our own page may have sent ``request``: it has no files. Looks at no body."""
    return request.method == "POST" and request.content_type == _URLENCODED


def take(request: HttpRequest) -> Carried:
    """Return what ``request``, a form, carries, and leave in its ``POST`` what its sender meant for the view."""
    sent = request.POST
    password = sent.get(PASSWORD)
    files = [*sent.getlist(LEFT_BEHIND), *_names_of_files(request)]
    if PASSWORD in sent or LEFT_BEHIND in sent:
        request.POST = _without_ours(sent)  # type: ignore[assignment]  # the stubs know of no setter
    pairs = [(name, value) for name, values in request.POST.lists() for value in values if name != _CSRF]
    return Carried(pairs, files, password)


def _names_of_files(request: HttpRequest) -> list[str]:
    uploads: list[Any] = [upload for _name, several in request.FILES.lists() for upload in several]
    return [str(upload.name) for upload in uploads]


def _without_ours(sent: QueryDict) -> QueryDict:
    rest = QueryDict(mutable=True, encoding=sent.encoding)
    for name, values in sent.lists():
        if name not in (PASSWORD, LEFT_BEHIND):
            rest.setlist(name, values)
    rest._mutable = False
    return rest
