"""The tables of the documentation list what there is, and nothing else."""

import inspect
import json
import re

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command, load_command_class

from codlet_sessions import conf, errors, events, problems
from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.manager import SessionManager
from codlet_sessions.models import Session
from codlet_sessions.records import ClientFacts, RejectionReason, RevocationReason
from codlet_sessions.stores.base import SessionDataStore
from codlet_sessions.stores.base import SessionStore as Contract
from codlet_sessions.testing import SessionStoreConformance
from tests.conftest import SIGNALS
from tests.documentation import PAGES, TOP, codes


def test_every_setting_is_in_the_table_with_its_default():
    shown = {codes(name)[0]: codes(default)[0] for name, default, _meaning in PAGES["settings"].rows("key")}
    assert shown == {name: repr(default) for name, default in problems.DEFAULTS.items()}


def test_every_setting_of_django_that_is_read_is_in_a_table():
    ruling = PAGES["settings"].column("setting", "what it does here")
    looked_at = PAGES["settings"].column("setting", "why")
    sources = [path.read_text() for path in (TOP / "codlet_sessions").rglob("*.py")]
    read = {name for source in sources for name in re.findall(r"\b(?:settings|host)\.([A-Z_]+)\b", source)}
    named = set(re.findall(r'"([A-Z]+_COOKIE_NAME)"', inspect.getsource(problems)))
    assert ruling == list(conf.HOST_SETTINGS)
    assert sorted({*ruling, *looked_at}) == sorted(read | named)
    assert all(hasattr(settings, name) for name in (*ruling, *looked_at))


def test_every_check_is_in_the_table_and_no_other():
    source = "".join((TOP / "codlet_sessions" / name).read_text() for name in ("problems.py", "checks.py"))
    ids = set(re.findall(r"\"codlet_sessions\.([EW]\d{3})\"", source))
    shown = {codes(row[0])[0]: row[1].split()[0] for row in PAGES["checks"].rows("id")}
    assert shown == {name: {"E": "error", "W": "warning"}[name[0]] for name in ids}
    deploy = re.findall(r'id="codlet_sessions\.([EW]\d{3})"', source.split("def _deployment_problems")[1])
    assert [codes(row[0])[0] for row in PAGES["checks"].rows("id") if "deploy" in row[1]] == deploy


@pytest.mark.django_db(transaction=True)
def test_every_signal_is_in_the_table_with_its_payload_and_log_level(heard, caplog):
    caplog.set_level("INFO", logger="codlet_sessions")
    renamed = sessions.issue("device:42")
    store = SessionStore()
    store["value"] = "blue"
    store.save()
    store.cycle_key()
    sessions.revoke(sessions.issue("device:42").id)
    Session.objects.filter(pk=renamed.id).update(key_version="renamed")
    sessions.validate(renamed.secret)
    sessions.revoke_all("device:42")
    tell_of_the_rare(sessions.issue("device:42").record)
    call_command("revoke_sessions", "--all")
    rows = PAGES["signals"].rows("signal")
    shown = {codes(row[0])[0]: (set(codes(row[2])), row[3]) for row in rows}
    levels = [record.levelname for record in caplog.records]
    assert shown == {name: (set(payload), level) for (name, payload), level in zip(heard, levels, strict=True)}
    assert sorted(shown) == sorted(SIGNALS)


def tell_of_the_rare(session):
    for event in (
        events.renewed(session.id, session.subject),
        events.limit_reached(session.subject, 3, evicted=1),
        events.new_device(session.id, session.subject, ClientFacts("Firefox")),
        events.sign_in_confirmed(session),
        events.sign_in_not_confirmed(session),
    ):
        event.tell(SessionManager)


def test_every_reason_and_every_error_is_in_its_table():
    own = [value for value in vars(errors).values() if isinstance(value, type)]
    assert sorted(PAGES["sessions"].column("`codlet_sessions.errors`")) == sorted(error.__name__ for error in own)
    assert PAGES["signals"].column("reason") == [reason.value for reason in RejectionReason]
    reasons = {tuple(codes(name + value)) for name, value, _by in PAGES["sessions"].rows("`RevocationReason`")}
    assert reasons == {(reason.name, reason.value) for reason in RevocationReason}


def arguments(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


def shown_call(text):
    name, shown = re.fullmatch(r"(?:sessions\.)?(\w+)\((.*)\)", text).groups()
    return name, [argument.partition("=")[0] for argument in shown.split(", ") if argument != "*"]


def faces(kind):
    """Return the public methods of a class that have an async twin, with their arguments."""
    names = [name for name, _ in inspect.getmembers(kind, inspect.isfunction) if hasattr(kind, f"a{name}")]
    return {name: arguments(getattr(kind, name)) for name in names}


def test_every_method_is_in_its_table_with_its_arguments_and_twin():
    rows = PAGES["sessions"].rows("method", "returns")
    assert dict(shown_call(codes(row[0])[0]) for row in rows) == faces(SessionManager)
    assert [codes(row[2])[0] for row in rows] == [f"a{shown_call(codes(row[0])[0])[0]}" for row in rows]
    assert dict(map(shown_call, PAGES["stores"].column("method", "must"))) == faces(Contract)
    added = dict(map(shown_call, PAGES["stores"].column("method", "must do for data")))
    assert added == {
        name: arguments(getattr(SessionDataStore, name)) for name in vars(SessionDataStore) if name in added
    }
    assert {**faces(Contract), **added} == faces(SessionDataStore)


def test_the_methods_that_let_the_kit_look_closer_are_those_that_skip():
    skipping = [
        name
        for name, method in vars(SessionStoreConformance).items()
        if inspect.isfunction(method) and "SkipTest" in inspect.getsource(method)
    ]
    shown = [name.partition("(")[0] for name in PAGES["stores"].column("override")]
    assert shown == skipping


def options_of(command):
    return {action.option_strings[-1]: action.default for action in command.create_parser("manage.py", "")._actions}


def test_every_option_of_the_purge_is_in_the_table_with_its_default():
    ours = (
        options_of(load_command_class("codlet_sessions", "purge_sessions")).items() - options_of(BaseCommand()).items()
    )
    shown = {codes(row[0])[0].partition(" ")[0]: row[2] for row in PAGES["purge"].rows("option")}
    assert shown.keys() == dict(ours).keys()
    assert {name: default for name, default in ours if default} == {
        name: type(default)(shown[name].strip("`")) for name, default in ours if default
    }


def test_the_admin_page_lists_the_admins_actions_and_permissions():
    site_admin = admin.site.get_model_admin(Session)
    assert [codes(row[0])[0] for row in PAGES["admin"].rows("action")] == list(site_admin.actions)
    users_admin = admin.site.get_model_admin(get_user_model())
    assert [codes(row[0])[0] for row in PAGES["admin"].rows("on the list of users")] == list(users_admin.actions)
    permissions = [*Session._meta.default_permissions, *(name for name, _ in Session._meta.permissions)]
    shown = PAGES["admin"].column("permission")
    assert shown == ["codlet_sessions.view_session", "codlet_sessions.revoke_session"]
    assert permissions == ["view", "revoke_session"]


def test_the_security_page_has_the_published_vector():
    vectors = json.loads((TOP / "tests" / "lookup_key_vectors.json").read_text())
    shown = {row[0]: codes(row[1])[0] for row in PAGES["security"].rows("", "")}
    assert list(shown.values()) == [vectors["key_utf8"], vectors["secret"], vectors["lookup_keys"]["session"]]
