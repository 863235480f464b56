"""Stations on their sockets: OCPP in, flows out, one transaction a message. Knows no SQL."""
