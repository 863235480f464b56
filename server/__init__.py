"""The server: core (pure), flows, storage, feeds; api, gateway, workers as entrypoints; main wires, cli starts."""
