"""Cars, chargers and people that speak to the server over sockets only: real OCPP 1.6J clients and API users.

Nothing here imports the server. The chargers are built on the `ocpp` package, so they are independent of our own frame
layer; the meters here are the judge of every limit. `fleet/` is the load tester: many stations on the wall clock.
"""
