"""Django's name for clearing, for the cron entries that have it already."""

from typing import Any

from django.contrib.sessions.management.commands.clearsessions import Command as DjangoCommand
from django.core.management import call_command

from codlet_sessions import conf


class Command(DjangoCommand):
    """
    Deletes what has expired, under whichever SESSION_ENGINE; with an engine of ours in batches, as `purge_sessions`.

    Works without ``django.contrib.sessions`` in INSTALLED_APPS. Revoked sessions are retained as `purge_sessions` does.
    """

    def handle(self, **options: Any) -> None:
        """Clear, and say what became of it."""
        if conf.uses_our_engine():
            call_command("purge_sessions", retain_expired=0, stdout=self.stdout, stderr=self.stderr)
        else:
            super().handle(**options)
