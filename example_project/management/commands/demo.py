"""The command for newcomers."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from example_project import dotenv, people, rehearsal, seed, server

PORT = 8000

WELCOME = """
  The example site of codlet_sessions

    a page              {address}
    from async code     {address}async/
    the admin           {address}admin/

    ada, administrator  password  {password}
    grace, visitor      password  {password}

  Sign in as grace on the page and, in another browser or a private window, as ada in the admin: one browser has one
  session, and it serves both. Revoke grace's session in the admin and reload her page: she is out.
  Stop with Ctrl-C. What this made stands in {files}.
"""


class Command(BaseCommand):
    """Make whatever is missing, say how to get in, serve."""

    help = "Sets up the example site (.env, database, two people, some sessions) and serves it on this machine."
    requires_system_checks = []  # before .env is there, they would only say that it is missing

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--port", type=int, default=PORT, help=f"listen on this port of 127.0.0.1 (default: {PORT})"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="instead: start a site with a database of its own, walk through it, and say whether it works",
        )

    def handle(self, *, port: int, check: bool, **options: Any) -> None:
        """Serve, or check."""
        if check:
            self._check()
        else:
            self._serve(port)

    def _check(self) -> None:
        try:
            rehearsal.check(tell=lambda sentence: self.stdout.write(self.style.SUCCESS("✓ ") + sentence))
        except (rehearsal.StepFailed, server.ServerDidNotStart) as failure:
            raise CommandError(f"✗ {failure}") from failure
        self.stdout.write(self.style.SUCCESS("The example site does what it should."))

    def _serve(self, port: int) -> None:
        if not server.is_free(port):
            raise CommandError(
                f"Port {port} is taken. Stop what listens there, or choose another:"
                f" python manage.py demo --port {port + 1}"
            )
        try:
            if dotenv.complete(settings.ENV_FILE):
                _start_again()
        except (dotenv.NotAFile, OSError) as error:
            raise CommandError(f"The keys could not be written: {error}") from error
        if not settings.DEBUG:
            raise CommandError(f"The demo is served without TLS, so it needs DEBUG=on in {settings.ENV_FILE}.")
        call_command("migrate", verbosity=0)
        people.make_people()
        seed.make_sessions()
        self._welcome(port)
        call_command("runserver", f"127.0.0.1:{port}", use_reloader=False)

    def _welcome(self, port: int) -> None:
        database = settings.DATABASES["default"]["NAME"]
        self.stdout.write(
            WELCOME.format(
                address=f"http://127.0.0.1:{port}/",
                password=settings.DEMO_PASSWORD,
                files=f"{settings.ENV_FILE} and {database}",
            )
        )
        self.stdout.flush()


def _start_again() -> None:
    """Run this same command anew in this process: settings are read once, and ``.env`` has more to say now."""
    sys.stdout.flush()
    environment = {name: value for name, value in os.environ.items() if value or name not in dotenv.NAMES}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606  no shell is the point
