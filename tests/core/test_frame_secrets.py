"""No key reaches the message log, however its name is written."""

import json

import pytest

from server.core.frame_secrets import HIDDEN, hidden

SECRET = "0123456789abcdef"
FRAMES = [
    [2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET}],
    [2, "1", "ChangeConfiguration", {"key": "authorizationkey", "value": SECRET}],
    [3, "1", {"configurationKey": [{"key": "AUTHORIZATIONKEY", "readonly": False, "value": SECRET}]}],
    [
        2,
        "1",
        "SetVariables",
        {"setVariableData": [{"variable": {"name": "basicAuthPassword"}, "attributeValue": SECRET}]},
    ],
    [2, "1", "SetNetworkProfile", {"connectionData": {"BASICAUTHPASSWORD": SECRET}}],
]


@pytest.mark.parametrize("frame", FRAMES)
def test_a_key_is_hidden_whatever_the_case_of_its_name(frame):
    raw = json.dumps(frame).encode()
    assert SECRET not in hidden(raw)
    assert HIDDEN in hidden(raw)
    escaped = raw.replace(b"uth", b"\\u0075th").replace(b"UTH", b"\\u0055TH")
    assert json.loads(escaped) == frame
    assert SECRET not in hidden(escaped)


def test_a_frame_without_one_is_kept_as_it_came():
    raw = b'[2, "1",  "Heartbeat", {"value": "9"}]'
    assert hidden(raw) == raw.decode()
    assert SECRET not in hidden(b'[2,"1","X",{"key":"AuthorizationKey","value":"' + SECRET.encode())
