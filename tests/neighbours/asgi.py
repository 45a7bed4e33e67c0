"""The site for a server that speaks ASGI: pages by HTTP, and sockets."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.neighbours.settings")
pages = get_asgi_application()

from tests.neighbours.consumers import AsyncNotes, Notes  # noqa: E402  the apps must be ready

sockets = [
    path("ws/notes/", AuthMiddlewareStack(Notes.as_asgi())),
    path("ws/async-notes/", AuthMiddlewareStack(AsyncNotes.as_asgi())),
    path("ws/session-alone/", SessionMiddlewareStack(AsyncNotes.as_asgi())),
]
application = ProtocolTypeRouter({"http": pages, "websocket": URLRouter(sockets)})
