"""OCPP 1.6: its messages, what they mean to us, and what we say to its stations."""
