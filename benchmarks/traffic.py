"""Another process of the site: it looks up and inserts a session every millisecond until it is told to stop."""

import json
import os
import sys
import threading
import time
from statistics import quantiles

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from codlet_sessions.api import sessions  # noqa: E402  # settings first

_PACE = 0.001  # seconds


def main() -> None:
    """Work until there is a line on standard input, and print how long the statements took."""
    told = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), told.set()), daemon=True).start()
    secret = sessions.issue("traffic").secret.expose()
    print("at work", flush=True)
    lookups, inserts = [], []
    while not told.is_set() or len(inserts) < 2:
        lookups.append(_milliseconds(lambda: sessions.validate(secret)))
        inserts.append(_milliseconds(lambda: sessions.issue("traffic")))
        time.sleep(_PACE)
    print(json.dumps({**_worst("lookup", lookups), **_worst("insert", inserts)}))


def _milliseconds(call: object) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _worst(name: str, times: list[float]) -> dict[str, float]:
    return {f"{name}_p99": quantiles(times, n=100, method="inclusive")[-1], f"{name}_worst": max(times)}


if __name__ == "__main__":
    main()
