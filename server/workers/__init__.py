"""Loops that act after commit: outbox, replans, prices, settlements, watch."""
