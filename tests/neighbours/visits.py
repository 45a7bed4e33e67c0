"""What visitors of the site do, and what another process does to their sessions meanwhile."""

from example_project.visitor import Visitor
from tests.servers import PASSWORD, run_code

SIGN_IN = "/accounts/login/"
REVOKE = """
from codlet_sessions.api import sessions
from codlet_sessions.models import Session
assert sessions.revoke(Session.objects.latest("id").id)
"""


def signed_in(server):
    """A visitor who has signed in on the page of django-allauth, as grace."""
    grace = Visitor(server.address)
    grace.submit(grace.get(SIGN_IN), "password", login="grace", password=PASSWORD)
    return grace


def revoke_newest(site):
    """Revoke the session that began last."""
    run_code(site, REVOKE)
