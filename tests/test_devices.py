"""Clients, in words."""

import importlib.util
import sys

import pytest
from django.utils import translation

from codlet_sessions import devices
from codlet_sessions.devices import device_of

CLIENTS = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) Gecko/20100101 Firefox/146.0": (
        "Firefox on Windows",
        "desktop",
    ),
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36": (
        "Chrome on Linux",
        "desktop",
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6"
    " Safari/605.1.15": ("Safari on macOS", "desktop"),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
    " Edg/142.0.0.0": ("Edge on Windows", "desktop"),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36": (
        "Chrome on Android",
        "phone",
    ),
    "Mozilla/5.0 (Android 15; Mobile; rv:146.0) Gecko/146.0 Firefox/146.0": ("Firefox on Android", "phone"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1": ("Chrome on iPhone", "phone"),
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6"
    " Mobile/15E148 Safari/604.1": ("Safari on iPad", "tablet"),
    "curl/8.14.1": ("curl", "unknown"),
    "meter of ours, 3rd floor": ("meter of ours, 3rd floor", "unknown"),
    "": ("Unknown device", "unknown"),
    "  ": ("Unknown device", "unknown"),
    "x" * 200: ("x" * 80 + "…", "unknown"),
}


@pytest.mark.parametrize(("user_agent", "described"), CLIENTS.items())
def test_a_client_is_named_by_its_browser_and_its_system(user_agent, described):
    device = device_of(user_agent)
    assert (device.name, device.kind) == described


@pytest.mark.parametrize(("user_agent", "name"), [("curl/8.14.1", "curl/8.14.1"), ("", "Unknown device")])
def test_without_the_extra_a_client_is_named_as_it_names_itself(user_agent, name, monkeypatch):
    monkeypatch.setattr(devices, "parse", None)
    assert device_of(user_agent) == devices.Device(name, is_verbatim=bool(user_agent))


def test_the_extra_is_no_condition(monkeypatch):
    monkeypatch.setitem(sys.modules, "ua_parser", None)
    spec = importlib.util.find_spec("codlet_sessions.devices")
    without = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, without)
    spec.loader.exec_module(without)
    assert without.device_of("curl/8.14.1").name == "curl/8.14.1"


def test_the_name_is_in_the_language_of_the_reader():
    with translation.override("de"):
        assert device_of("").name == "Unbekanntes Gerät"
