"""OCPP 2.0.1, and 2.1 as far as they are the same: messages, what they mean to us, and what we say to stations."""
