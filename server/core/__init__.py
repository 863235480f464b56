"""Pure decisions: no I/O, no clock, no async, no log, no randomness. Frozen structs in and out."""
