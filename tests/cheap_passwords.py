"""Passwords that cost a test next to nothing: to hash one as a server does takes 0.1 s of CPU and 64 MiB.

A hash says what it cost, so what was hashed in one way is verified in the other too.
"""

import secrets

import argon2

from server.flows import accounts

REAL = accounts.HASHER, accounts.NOBODY
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def cost_less() -> None:
    """From now on the passwords of this process do."""
    accounts.HASHER, accounts.NOBODY = CHEAP, CHEAP.hash(secrets.token_hex())
