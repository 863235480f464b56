"""The HTTP API: one controller a noun. Each parses, opens one transaction, calls one flow, and answers."""
