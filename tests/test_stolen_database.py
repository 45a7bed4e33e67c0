"""Somebody has the whole database and every log line. Neither holds a secret, and nothing in it signs anybody in."""

import base64
import json
import subprocess
import zlib
from contextlib import closing
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import environ
import pytest
from django.core.signing import b64_decode

from example_project.visitor import Visitor
from tests.servers import COOKIE, enter_admin, fresh_database, run_code, session_id_on, sign_in, site_environment

pytest_plugins = ["tests.served"]

OTHER_COOKIES = {"csrftoken", "messages"}  # they say nothing of who somebody is


@pytest.fixture(scope="module")
def visitors(gunicorn_server):
    """
    Two people on the page, one in the admin.

    Grace has signed out once, and signed in again once without signing out: that gave her session another secret.
    """
    grace, ada = Visitor(gunicorn_server.address), Visitor(gunicorn_server.address)
    sign_in(grace, "grace")
    grace.submit(grace.get("/"), "csrfmiddlewaretoken")
    sign_in(grace, "grace")
    sign_in(grace, "grace")
    sign_in(ada, "ada", "/async/")
    administrator = enter_admin(gunicorn_server.address)
    return [grace, ada, administrator]


@pytest.fixture(scope="module")
def secrets_given(visitors):
    """Every credential that any answer to any of them has set."""
    cookies = [cookie for visitor in visitors for page in visitor.seen for cookie in page.cookies_set]
    assert {cookie.key for cookie in cookies} - OTHER_COOKIES == {COOKIE}
    given = {cookie.value for cookie in cookies if cookie.key == COOKIE and cookie.value}
    assert len(given) == 5
    return given


def test_no_form_of_any_secret_is_in_the_stolen_database(visitors, secrets_given, site):
    loot = stolen_bytes(site["DATABASE_URL"])
    assert session_id_on(visitors[0].get("/")).replace("-", "").encode() in loot.replace(b"-", b"")
    assert forms_found(secrets_given, loot) == []


def test_no_form_of_any_secret_is_in_the_logs(secrets_given, gunicorn_server):
    log = gunicorn_server.log.read_bytes()
    assert b"INSERT INTO" in log
    assert b"GET /admin/" in log
    assert forms_found(secrets_given, log) == []


@pytest.fixture
def replay(gunicorn_server):
    with closing(HTTPConnection("127.0.0.1", gunicorn_server.port, timeout=20)) as connection:
        yield Replay(connection)


def test_no_value_of_any_row_signs_anybody_in(visitors, site, replay):
    values = stolen_values(site)
    tables = {table for table, _column, _value in values}
    assert {"codlet_sessions_session", "codlet_sessions_retiredkey", "auth_user"} <= tables
    assert {"data: payload", "data: seal", "data: _auth_user_hash"} <= {column for _table, column, _value in values}
    opened = [(table, column) for table, column, value in values if replay.signs_in(value)]
    assert opened == []


def test_a_real_cookie_replayed_the_same_way_does_sign_in(visitors, secrets_given, replay):
    held = {visitor.cookies[COOKIE] for visitor in visitors}
    assert len(held) == 3
    assert {secret for secret in secrets_given if replay.signs_in(secret)} == held
    assert not replay.signs_in("0" * 64)


@pytest.mark.parametrize("form", ["as it is", "in upper case", "as bytes", "as bytes in base64", "as text in base64"])
def test_a_secret_planted_in_a_table_is_found_by_the_same_search(tmp_path, form):
    secret = "0123456789abcdef" * 4
    with fresh_database(tmp_path) as database_url:
        assert forms_found({secret}, stolen_bytes(database_url)) == []
        run_code(site_environment(database_url), PLANT.format(forms_of(secret)[form]))
        assert form in forms_found({secret}, stolen_bytes(database_url))


PLANT = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE planted (cell %s)" % connection.data_types["BinaryField"])
    cursor.execute("INSERT INTO planted VALUES (%s)", [{!r}])
"""

ALL_VALUES = """
import json
from django.db import connection
found = []
with connection.cursor() as cursor:
    for table in connection.introspection.table_names(cursor):
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        columns = [column[0] for column in cursor.description]
        found += [(table, column, value) for row in cursor.fetchall() for column, value in zip(columns, row)]
def spell(value):
    return {"hex": bytes(value).hex()} if isinstance(value, (bytes, memoryview)) else str(value)
print(json.dumps(found, default=spell))
"""


def stolen_values(environment):
    """Every value of every row of every table, as text in each way it might be spelt; each text once."""
    quiet = {**environment, "DJANGO_LOG_LEVEL": "WARNING"}
    stored = [tuple(cell) for cell in json.loads(run_code(quiet, ALL_VALUES))]
    data = [(table, value) for table, column, value in stored if column == "data" and value]
    parts = [part for table, value in data for part in taken_apart(table, value)]
    spelt = [(table, column, text) for table, column, value in stored + parts for text in spellings(value)]
    return list({text: (table, column, text) for table, column, text in spelt}.values())


def spellings(value):
    """A stored value in each way somebody might send it."""
    if isinstance(value, dict):
        raw = bytes.fromhex(value["hex"])
        return [raw.hex(), raw.decode("latin-1")]
    return [str(value), str(value).encode().hex(), str(value).replace("-", "")]


def taken_apart(table, data):
    """What the data of a session has in it: its two halves, what they are when decoded, and each value therein."""
    payload, _colon, seal = data.rpartition(":")
    head, _mark, rest = payload.rpartition("~")
    plain = b64_decode(rest.removeprefix(".").encode())
    plain = zlib.decompress(plain) if rest.startswith(".") else plain
    halves = [("payload", payload), ("payload", {"hex": plain.hex()})] if payload else []
    values = [*json.loads(plain or "{}").items()]
    if head:
        user, backend, auth_hash = head.split("~")
        values += [("_auth_user_id", user), ("_auth_user_backend", backend), ("_auth_user_hash", auth_hash)]
        values += [("_auth_user_hash", {"hex": b64_decode(auth_hash.encode()).hex()})]
    return [
        (table, f"data: {name}", part)
        for name, part in [*halves, *values, ("seal", seal), ("seal", {"hex": b64_decode(seal.encode()).hex()})]
    ]


def stolen_bytes(database_url):
    """The database as a thief would carry it away."""
    facts = environ.Env.db_url_config(database_url)
    if database_url.startswith("sqlite"):
        # By another process: when this one closed the file, its own connection would lose its locks on it (POSIX).
        return subprocess.check_output(["cat", *(facts["NAME"] + suffix for suffix in ("", "-wal", "-shm"))])
    if database_url.startswith("postgres"):
        return subprocess.check_output(["pg_dump", f"--dbname={database_url}"])
    where = [f"--host={facts['HOST']}", f"--port={facts['PORT'] or 3306}", f"--user={facts['USER']}"]
    password = [f"--password={facts['PASSWORD']}"] if facts["PASSWORD"] else []
    return subprocess.check_output(["mariadb-dump", *where, *password, "--hex-blob", urlsplit(database_url).path[1:]])


def forms_of(secret):
    """A secret in every form that somebody might keep it in by mistake, by name."""
    forms = {
        "as it is": secret.encode(),
        "in upper case": secret.upper().encode(),
        "as text in base64": base64.b64encode(secret.encode()).rstrip(b"="),
    }
    raw = bytes.fromhex(secret)
    return {**forms, "as bytes": raw, "as bytes in base64": base64.b64encode(raw).rstrip(b"=")}


def forms_found(given, loot):
    """The names of the forms in which any secret ``given`` is in ``loot``, as bytes or spelt in hex by a dump."""
    spelt = loot.lower()
    return [
        name
        for secret in given
        for name, form in forms_of(secret).items()
        if form in loot or form.hex().encode() in spelt
    ]


class Replay:
    """Sends stolen values as the cookie, to the page and to the admin."""

    def __init__(self, connection):
        self.connection = connection

    def signs_in(self, value):
        header = f"{COOKIE}={SimpleCookie({COOKIE: value})[COOKIE].coded_value}"
        return not (self._is_anonymous("/", header) and self._is_anonymous("/admin/", header))

    def _is_anonymous(self, path, header):
        self.connection.request("GET", path, headers={"Cookie": header.encode()})
        response = self.connection.getresponse()
        text = response.read()
        if path == "/":
            return response.status == 200 and b"Nobody is signed in here" in text
        return response.status == 302 and "/admin/login/" in response.headers["Location"]
