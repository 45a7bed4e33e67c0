"""A middleware of the host that looks at the session before any view does."""

from django.utils.deprecation import MiddlewareMixin


class Fails(MiddlewareMixin):
    def process_request(self, request):
        raise RuntimeError("a bug of the host")


class AsksForTheSession(MiddlewareMixin):
    def process_request(self, request):
        request.subject = request.codlet_session and request.codlet_session.subject


class StrictPolicy(MiddlewareMixin):
    """Nothing but stylesheets and pictures of the site's own, and no script at all."""

    def process_response(self, request, response):
        response["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'none'; style-src 'self'; img-src 'self';"
            " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        return response
