"""Walking the story on a site that is started for it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from example_project import dotenv
from example_project.server import Server, free_port
from example_project.story import Story, Unexpected


class StepFailed(Exception):
    """A step of the story failed. The message says which, what was expected, and what came."""


def check(tell: Callable[[str], object]) -> None:
    """
    Start the demo with a ``.env`` and a database of its own, walk the story, and stop it.

    Args:
        tell: Is called with the sentence of each step that went well.

    Raises:
        StepFailed, ServerDidNotStart: It did not go well.

    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        environment = _environment(Path(directory))
        port = free_port()
        command = ["manage.py", "demo", "--port", str(port)]
        with Server(command, port, environment, Path(directory) / "log") as server:
            tell(f"the demo set itself up and serves {server.address}")
            password = dotenv.read(Path(environment["ENV_FILE"]))["DEMO_PASSWORD"]
            walk(Story(server.address, password, environment), tell)


def walk(story: Story, tell: Callable[[str], object]) -> None:
    """Walk the steps in their order. Arguments and errors as in `check`."""
    for sentence, step in story.steps():
        try:
            step()
        except (Unexpected, LookupError, OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise StepFailed(f"{sentence}: {error}") from error
        tell(sentence)


def _environment(directory: Path) -> dict[str, str]:
    """Return this process's environment without what ``.env`` gave it, and with a new ``.env`` and database."""
    inherited = {name: value for name, value in os.environ.items() if name not in dotenv.NAMES}
    return {
        **inherited,
        "ENV_FILE": str(directory / ".env"),
        "DATABASE_URL": f"sqlite:///{directory / 'demo.sqlite3'}",
        "PYTHONUNBUFFERED": "1",
    }
