"""`python -m server.cli` does what `dalstroom` does."""

from server.cli import main

main()
