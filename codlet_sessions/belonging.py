"""What belongs to one request, and does not keep it alive: so neither has to wait for the garbage collector."""

from typing import Any
from weakref import ref

from django.http import HttpRequest


class OfOneRequest:
    """Knows its request for as long as that is under way."""

    __slots__ = ("_request_of",)

    def __init__(self, request: HttpRequest) -> None:
        self._request_of: Any = ref(request)

    @property
    def _request(self) -> HttpRequest:
        request: HttpRequest = self._request_of()
        return request
