"""The driver's app: Flet 1.0, declarative; it knows the server by its API only."""
