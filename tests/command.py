"""Our command as a user runs it: in a process of its own, with a home of its own."""

import os
import subprocess
import sys
from pathlib import Path


def dalstroom(home: Path, *words: str) -> str:
    """Run a command that is expected to succeed; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", *words],
        env={**os.environ, "DALSTROOM_HOME": str(home), "DALSTROOM_PASSWORD": "correct horse battery"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout
