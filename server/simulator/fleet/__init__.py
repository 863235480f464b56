"""A fleet of charging stations on the wall clock: `dalstroom simulate`, and anybody's load tester.

`plan.py` says by a seed who there is, `life.py` lets one station live, `run.py` all of them. A station is `station.py`
in the words of `station16.py` or `station201.py`, with an `evse.py` that integrates. It is on a `line.py`, opened by
`handshake.py` (`tls.py`), which `chaos.py` disturbs. What it does wrong on purpose is in `quirks.py` by name.

Frames are plain JSON, so that thousands fit in a process; tests hold them against the official schemas.
"""
