"""
What is recorded of the client that signs in: as much as the host wants to know, and no more.

Only a sign-in is recorded, not a visit. The address is the socket's: a header such as ``X-Forwarded-For`` says whatever
its sender likes, so a host behind a proxy names a callable that knows which of its headers to believe.
"""

import logging
import re
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final
from uuid import UUID

from django.http import HttpRequest

from codlet_sessions import conf, events, signals
from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreError
from codlet_sessions.manager import SessionManager
from codlet_sessions.models import MAX_USER_AGENT_LENGTH
from codlet_sessions.problems import FULL, NOTHING
from codlet_sessions.records import NO_FACTS, ClientFacts

logger = logging.getLogger("codlet_sessions")

_VERSIONS: Final = re.compile(r"[\d._]+")
_NETWORK: Final = {4: 24, 6: 48}  # what is left of an address identifies a provider's customers, not one of them


def remote_address(request: HttpRequest) -> str | None:
    """Return the address of the socket that ``request`` came by: the default of ``CLIENT_ADDRESS``."""
    return request.META.get("REMOTE_ADDR")


def facts_about(request: HttpRequest, subject: str) -> ClientFacts:
    """Return what may be recorded of whoever sent ``request`` to sign in as ``subject``."""
    if conf.client_facts() == NOTHING:
        return NO_FACTS
    user_agent = request.META.get("HTTP_USER_AGENT", "").replace("\0", "")[:MAX_USER_AGENT_LENGTH]
    (device, *_older) = _devices(subject, user_agent)
    return ClientFacts(user_agent, _as_allowed(_address_of(request)), device)


def note_device(session_id: UUID, subject: str, client: ClientFacts) -> None:
    """
    Send `new_device` if ``subject`` has signed in before, and never from something like ``client``.

    One query, and none if nobody listens to that signal. Best effort: a store that does not answer is logged.
    """
    if client.device is None or not signals.new_device.has_listeners():
        return
    try:
        is_new = sessions.store.is_new_device(subject, _devices(subject, client.user_agent), session_id)
    except StoreError as error:
        logger.warning("Whether session %s is on a new device could not be found out: %s", session_id, error)
    else:
        if is_new:
            events.new_device(session_id, subject, client).tell(SessionManager)


async def anote_device(session_id: UUID, subject: str, client: ClientFacts) -> None:
    """Note as `note_device` does, from async code."""
    if client.device is None or not signals.new_device.has_listeners():
        return
    try:
        is_new = await sessions.store.ais_new_device(subject, _devices(subject, client.user_agent), session_id)
    except StoreError as error:
        logger.warning("Whether session %s is on a new device could not be found out: %s", session_id, error)
    else:
        if is_new:
            await events.new_device(session_id, subject, client).atell(SessionManager)


def _devices(subject: str, user_agent: str) -> list[str]:
    kind = _VERSIONS.sub("", user_agent)  # an update makes no new device
    return sessions.hasher.device_digests(subject, kind)


def _address_of(request: HttpRequest) -> str | None:
    try:
        return conf.client_address()(request)
    except Exception:  # of the host's own; a proxy that left a header out must not keep people from signing in
        logger.exception("CODLET_SESSIONS['CLIENT_ADDRESS'] failed: the sign-in goes on without an address.")
        return None


def _as_allowed(address: str | None) -> str | None:
    try:
        exact = ip_address(address or "")
    except ValueError:  # a Unix socket has none
        return None
    if isinstance(exact, IPv6Address):
        exact = exact.ipv4_mapped or IPv6Address(int(exact))  # without a zone such as %eth0
    if conf.client_facts() == FULL:
        return str(exact)
    return str(ip_network((exact, _NETWORK[exact.version]), strict=False).network_address)
