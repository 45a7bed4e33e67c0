"""Django's own tests, which only its source distribution has: fetched from the package index, once for each version."""

import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import django

VERSION = django.get_version()
NEEDED = "tests/sessions_tests"
KEPT_IN = Path(gettempdir()) / "codlet_sessions_django_sources"


def sources_of_django():
    """Return the directory ``tests`` of the Django that is installed."""
    kept = KEPT_IN / f"django-{VERSION}"
    if not kept.exists():
        KEPT_IN.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=KEPT_IN) as directory:
            archive = _downloaded(Path(directory))
            with tarfile.open(archive) as sources:
                wanted = [member for member in sources if f"/{NEEDED}/" in member.name]
                sources.extractall(directory, members=wanted, filter="data")
            try:
                (Path(directory) / f"django-{VERSION}").rename(kept)
            except OSError:  # another run was faster
                if not kept.exists():
                    raise
    return kept / "tests"


def _downloaded(directory):
    command = ["download", "--quiet", "--no-deps", "--no-binary", "django", "--dest", str(directory)]
    subprocess.run([sys.executable, "-m", "pip", *command, f"Django=={VERSION}"], check=True, timeout=300)
    (archive,) = directory.glob("[Dd]jango-*.tar.gz")
    return archive
