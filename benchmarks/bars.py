"""What the tables come to, in one: what Django's own engine costs, what ours does, and what it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.outcomes import Outcome, as_table, number
from benchmarks.rounds import Line


@dataclass(frozen=True)
class Bar:
    """
    One line of the table.

    Attributes:
        question: What is asked.
        outcome: The outcome that answers it.
        ours, theirs: Who is compared: names, or groups, of which the last line counts. None: there is no such thing.
        aim: What ours must not exceed, or must reach.
        made_of: What ours is made of.
        attribute: What of the lines is shown.
        is_above_floor: Whether what the first line of the outcome has of it is taken off.

    """

    question: str
    outcome: str
    ours: str
    theirs: str | None
    aim: str
    made_of: str
    attribute: str = "ratio"
    is_above_floor: bool = False

    def cells(self, outcomes: Mapping[str, Outcome]) -> Sequence[str]:
        """Return the cells of its row."""
        outcome = outcomes.get(self.outcome)
        return [
            self.question,
            self._shown(outcome, self.theirs),
            f"**{self._shown(outcome, self.ours)}**",
            self.aim,
            self.made_of,
        ]

    def _shown(self, outcome: Outcome | None, name: str | None) -> str:
        line = None if outcome is None or name is None else _line(outcome, name)
        value = None if line is None else getattr(line, self.attribute)
        if outcome is None or value is None:
            return "–"
        if self.is_above_floor:
            value -= getattr(outcome.answer.lines[0], self.attribute)
        return str(value) if isinstance(value, int) else number(value)


def _line(outcome: Outcome, name: str) -> Line | None:
    found = [line for line in outcome.answer.lines if name in (line.name, line.group)]
    return found[-1] if found else None


_FIND, _VALIDATE = "ours, `store.find_active_session()`", "ours, `sessions.validate()`"
_DB_PREPARED = "Django `db`, where psycopg prepares"
_DB, _USER = "Django `db`", "Django `db`, `request.user`"
_SAVE = "Django `db`, `SessionStore.save()`"
_ONE = "one look-up that brings session and user"
_HTTP = "all of the above, over HTTP"
BARS = (
    Bar("find a session by its cookie, the store alone, × a raw prepared `SELECT`, PostgreSQL",
        "validate-postgresql", _FIND, _DB,
        "≤ 3.5", "one statement, compiled once, prepared, by the driver alone"),
    Bar("the same where psycopg prepares all statements",
        "validate-postgresql", f"{_FIND}, where psycopg prepares", _DB_PREPARED,
        "≤ 2.2", "the same, by psycopg's cursor"),
    Bar("the same, × a raw `SELECT`, SQLite",
        "validate-sqlite", _FIND, _DB,
        "≤ 3", "the same, by the driver's cursor"),
    Bar("validate a cookie: look at its user and its seal, too, PostgreSQL",
        "validate-postgresql", _VALIDATE, _DB,
        "≤ 3.5", "the same statement, with a JOIN"),
    Bar("the same where psycopg prepares all statements",
        "validate-postgresql", f"{_VALIDATE}, where psycopg prepares", _DB_PREPARED,
        "≤ 2.2", "the same, by psycopg's cursor"),
    Bar("the same, SQLite",
        "validate-sqlite", _VALIDATE, _DB,
        "≤ 3", "the same, by the driver's cursor"),
    Bar("a request that reads `request.user`: cost above no sessions, PostgreSQL",
        "request-postgresql", "ours, `request.user`", _USER,
        "≤ 0.42", _ONE),
    Bar("the same, SQLite",
        "request-sqlite", "ours, `request.user`", _USER,
        "≤ 0.25", _ONE),
    Bar("an async request that reads the session, 50 at a time, × no session middleware",
        "async_many-postgresql", "ours, `acodlet_session()`", "Django `db`, `session.aget()`",
        "≤ 1.25", "look-ups that wait share a statement"),
    Bar("the same, `await request.auser()`",
        "async_many-postgresql", "ours, `auser()`", "Django `db`, `auser()`",
        "≤ 1.5", "the same statement"),
    Bar("the same, one at a time",
        "async_one-postgresql", "ours, `auser()`", "Django `db`, `auser()`",
        "≤ 1.9", "one statement on a thread of its own"),
    Bar("thread hops of sessions in it",
        "async_one-postgresql", "ours, `auser()`", "Django `db`, `auser()`",
        "0", "the middleware stays in the event loop", "hops", is_above_floor=True),
    Bar("an async request that asks for no session, × no session middleware",
        "async_one-postgresql", "ours, nobody asks", "Django `db`, nobody asks",
        "≤ 1.03", "lazy objects, no I/O"),
    Bar("requests a second, uvicorn, 50 connections, `auser()`: share of no session middleware",
        "asgi-postgresql", "ours, `auser()`", "Django `db`, `auser()`",
        "≥ 0.6", _HTTP),
    Bar("the same, gunicorn, `request.user`",
        "wsgi-postgresql", "ours, `request.user`", _USER,
        "≥ 0.40", _HTTP),
    Bar("a cached request that reads `request.user`: cost above no sessions, × Django's `cached_db`",
        "cached-postgresql", "ours, cached, `request.user`", "Django `cached_db`, `request.user`",
        "≤ 0.60", "session and user in one query, and no trip to the cache"),
    Bar("issue a session, × a raw `INSERT`, PostgreSQL",
        "issue-postgresql", "ours, `sessions.issue()`", _SAVE,
        "≤ 2.0", "one `INSERT`, no transaction around it"),
    Bar("statements of it",
        "issue-postgresql", "ours, `sessions.issue()`", _SAVE,
        "1", "that `INSERT`", "statements"),
    Bar("statements of `login()` with its save",
        "login-postgresql", "ours, `login()`", "Django `db`, `login()`",
        "≤ 3", "`last_login`, one `INSERT`", "statements"),
    Bar("sign one user out everywhere, × one indexed `UPDATE`",
        "everywhere-postgresql", "ours, `sessions.revoke_all()`", "Django `db`, every row decoded",
        "≤ 1.5", "one `UPDATE` by the subject"),
    Bar("a look-up in the biggest table, × in the smallest",
        "growth-postgresql", "look-up, ours", "look-up, Django `db`",
        "≤ 1.4", "one index of 32-byte keys"),
    Bar("bytes of a session in table and indexes",
        "size-postgresql", "our table", "Django's table",
        "≤ Django's", "twice the facts: subject, key version, moments", "amount"),
)  # fmt: skip


def table(outcomes: Mapping[str, Outcome]) -> str:
    """Return the table of all bars, as far as they have been measured."""
    header = ["question", "Django", "ours", "aim", "what ours is made of"]
    return as_table(header, [bar.cells(outcomes) for bar in BARS])
