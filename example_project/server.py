"""A server of the example site in a process of its own."""

import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

TOP = Path(__file__).resolve().parent.parent
START = 60  # seconds that a server may take to listen
STOP = 10  # seconds that it may take to end


class ServerDidNotStart(Exception):
    """The process ended, or listened too late. The message has the last lines it wrote."""


class Server:
    """
    Runs ``command`` and waits until somebody listens on ``port``; as a context, ends it again, whatever happens.

    Args:
        command: What to run with this Python: ``["manage.py", "demo", "--port", "8000"]``.
        port: Where it will listen, on 127.0.0.1.
        environment: All of its environment.
        log: The file that takes everything it writes.

    """

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str], log: Path) -> None:
        self.command, self.port, self.environment, self.log = command, port, environment, log
        self.address = f"http://127.0.0.1:{port}/"

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  the command is ours
                [sys.executable, *self.command], cwd=TOP, env=dict(self.environment), stdout=log, stderr=log
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process: politely, then not."""
        self._process.terminate()
        try:
            self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self, lines: int = 15) -> str:
        """Return the last lines that the process wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                command = " ".join(self.command)
                raise ServerDidNotStart(
                    f"'{command}' did not listen on port {self.port}. Its last words:\n{self.last_words()}"
                )
            time.sleep(0.05)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
