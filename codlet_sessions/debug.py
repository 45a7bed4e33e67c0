"""Error reports that do not show a live cookie."""

from typing import Any

from django.views.debug import SafeExceptionReporterFilter as DjangoSafeExceptionReporterFilter

from codlet_sessions import conf


class SafeExceptionReporterFilter(DjangoSafeExceptionReporterFilter):
    """
    Django's filter of debug pages and error e-mails, which hides the session cookies as well.

    Set ``DEFAULT_EXCEPTION_REPORTER_FILTER = "codlet_sessions.debug.SafeExceptionReporterFilter"``. Our middleware
    takes its cookie out of ``request.COOKIES``; this is for what fails before the request has come to it (ASVS 5.0
    16.2.5).
    """

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        """Return ``value`` as a report may show it: a placeholder when ``key`` is the name of a session cookie."""
        return self.cleansed_substitute if key in conf.session_cookie_names() else super().cleanse_setting(key, value)
