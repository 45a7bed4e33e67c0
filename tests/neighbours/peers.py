"""A site that comes from django-qsessions or django-user-sessions: its settings, and what a visitor sees there."""

import json
import sys
from importlib import import_module

from tests.neighbours.settings import *  # noqa: F403
from tests.neighbours.settings import CODLET_SESSIONS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "qsessions", "user_sessions"]


def visit(path):
    """Sign in and take a note by the engine at ``path``, move, come back with that cookie; and with one of nobody's."""
    from django.contrib.auth.models import User
    from django.test import Client, override_settings

    from codlet_sessions.models import Session

    ada, _is_new = User.objects.get_or_create(username="ada")
    with override_settings(SESSION_ENGINE=path):
        before = Client()
        before.force_login(ada)
        session = before.session
        session["note"] = path
        session.save()
        old = before.cookies["sessionid"].value
    with override_settings(CODLET_SESSIONS={**CODLET_SESSIONS, "ADOPT_FROM": path}):
        after, stranger = Client(headers={"host": "localhost"}), Client(headers={"host": "localhost"})
        after.cookies["sessionid"], stranger.cookies["sessionid"] = old, "x" * 32
        return {
            "seen": [client.get("/async-notes/").json() for client in (after, stranger, after)],
            "secret": after.cookies["sessionid"].value,
            "left": sum(import_module(path).SessionStore().exists(key) for key in (old, "x" * 32)),
            "users": list(Session.objects.filter(revoked_at=None).values_list("user__username", flat=True)),
        }


if __name__ == "__main__":
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    print(json.dumps(visit(sys.argv[1])))
