"""How a 2.x station is told of another central system (OCPP 2.0.1 B09, B10): in JSON, one command after the other."""

from typing import Any

SLOT = 2
"""Stations refuse changes to the way in use, which is the first in most; ours is written there too."""


def way_back(url: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Actions and bodies: where the other system is, that it comes first, and a restart once nobody charges.

    `url`: less the station's identity. The key stays: it is the one that the other system knows.
    """
    data = {
        "ocppVersion": "OCPP20",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": url,
        "messageTimeout": 30,
        "securityProfile": 2 if url.startswith("wss:") else 1,
        "ocppInterface": "Wired0",
    }
    first = {
        "attributeValue": f"{SLOT},1",
        "component": {"name": "OCPPCommCtrlr"},
        "variable": {"name": "NetworkConfigurationPriority"},
    }
    return (
        ("SetNetworkProfile", {"configurationSlot": SLOT, "connectionData": data}),
        ("SetVariables", {"setVariableData": [first]}),
        ("Reset", {"type": "OnIdle"}),
    )
