"""The pages of the admin, as those see them who use it: what is on them, and what they post."""

from html.parser import HTMLParser

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from tests.factories import UserFactory


class Forms(HTMLParser):
    """The forms of a page: where they go and what they post."""

    def __init__(self, html):
        super().__init__()
        self.forms = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append((attributes.get("action"), {}))
        elif tag in ("input", "button") and attributes.get("name") and self.forms:
            fields, name, value = self.forms[-1][1], attributes["name"], attributes.get("value", "")
            before = fields.get(name)
            fields[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]

    def with_field(self, name):
        return next(form for form in self.forms if name in form[1])


class InlineCode(HTMLParser):
    """What a strict Content-Security-Policy would refuse to run or to apply."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        names = {name for name, _value in attributes}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]


def text_of(response):
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def staff_with(*codenames):
    """A client of somebody who holds these permissions and no other."""
    user = UserFactory(staff=True)
    apps = ["codlet_sessions", "auth"]
    user.user_permissions.set(Permission.objects.filter(content_type__app_label__in=apps, codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def confirm(client, question, by="confirmed_sessions"):
    """Press the confirmation page's button, known by a field of its form; return the page that follows."""
    action, fields = Forms(text_of(question)).with_field(by)
    return client.post(action, fields, follow=True)


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


def is_active(session):
    session.refresh_from_db()
    return session.revoked_at is None


def history_of(session):
    return list(LogEntry.objects.filter(object_id=str(session.pk)))
