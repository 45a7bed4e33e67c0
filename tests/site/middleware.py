"""A middleware of the host that looks at the session before any view does."""

from django.utils.deprecation import MiddlewareMixin


class Fails(MiddlewareMixin):
    def process_request(self, request):
        raise RuntimeError("a bug of the host")


class AsksForTheSession(MiddlewareMixin):
    def process_request(self, request):
        request.subject = request.codlet_session and request.codlet_session.subject
