"""The running demo beside its windows: who is there, what their sessions are, how fast the clock runs."""

import socket
from uuid import UUID

import httpx
import msgspec

from shared.accounts import DemoDriver
from shared.sessions import SessionView


class Demo:
    """The running demo, and its API beside the app."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._tokens: dict[UUID, str] = {}

    def drivers(self) -> list[DemoDriver]:
        return msgspec.json.decode(self._http.get("/api/demo/drivers").content, type=list[DemoDriver])

    def driver(self, story: str) -> DemoDriver:
        return next(one for one in self.drivers() if one.story == story)

    def token(self, driver: DemoDriver) -> str:
        if driver.account_id not in self._tokens:
            body = {"account_id": str(driver.account_id)}
            self._tokens[driver.account_id] = str(self._http.post("/api/auth/demo", json=body).json()["access_token"])
        return self._tokens[driver.account_id]

    def sessions(self, driver: DemoDriver) -> list[SessionView]:
        answer = self._http.get("/api/sessions/current", headers={"Authorization": f"Bearer {self.token(driver)}"})
        return msgspec.json.decode(answer.content, type=list[SessionView])

    def run(self, driver: DemoDriver, speed: int) -> None:
        headers = {"Authorization": f"Bearer {self.token(driver)}"}
        self._http.put("/api/clock", json={"speed": speed}, headers=headers).raise_for_status()

    def close(self) -> None:
        self._http.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
