"""The world outside: each a Protocol, a live and a null implementation."""
