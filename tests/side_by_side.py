"""All tests, as `make test` runs them: those in a browser beside the others, and in a process of their own.

Playwright's loop runs on in its thread, where other tests could start none. What they say comes after what the others
say. Arguments go to both.
"""

import subprocess
import sys
import tempfile

PYTEST = (sys.executable, "-m", "pytest")
GIVES_WAY = ("nice", "-n", "10")
"""The browser's town has a clock of 60 and more that waits for nobody; all else can wait."""
OTHERS = ("-n", "2", "--dist", "loadgroup", "-m", "not browser")
FINE = (0, 5)
"""5: the arguments leave nothing of that kind; of both together they leave something."""


def main(arguments: list[str]) -> int:
    """Exit code: 0, else that of the first that failed."""
    with tempfile.TemporaryFile("w+") as said:
        command = [*PYTEST, "-m", "browser", *(arguments or ["tests/browser"])]
        browser = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        try:
            codes = [subprocess.call([*GIVES_WAY, *PYTEST, *OTHERS, *arguments]), browser.wait()]
        finally:  # who interrupts us interrupts it as well: one group
            browser.wait()
            said.seek(0)
            print(said.read(), end="", flush=True)
    return next((code for code in codes if code not in FINE), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
