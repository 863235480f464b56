"""The one place that wires: database, clock, gateway, workers and API become a server."""
