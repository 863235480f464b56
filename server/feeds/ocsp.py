"""Responders that know which certificates are revoked, asked over HTTP (RFC 6960, appendix A)."""

import asyncio
from urllib.parse import urlsplit

import httpx

from server.addresses import is_open, looked_up
from server.core.ocsp import ANSWER_MAX, Asked, Standing, judged, question

SECONDS = 8.0
"""A station waits half a minute for our answer, most less."""
ABREAST = 8
HEADERS = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
NOT_REACHED = "the responder was not reached"


class HttpResponders:
    """Asks the responder that a question names. A station names it, so only public addresses are called.

    The address that was looked at is the one that is called; redirects are not followed.
    """

    def __init__(self, web: httpx.AsyncClient, *, inside: bool = False) -> None:
        """`web` stays its owner's. `inside`: private addresses are called too, as in a test."""
        self._web, self._inside, self._turn = web, inside, asyncio.Semaphore(ABREAST)

    async def ask(self, asked: Asked) -> Standing:
        """The responder's answer, or why there is none. Never raises for what is out there."""
        request = question(asked)
        if request is None:
            return Standing(None, "the hashes or the serial number are none")
        try:
            async with self._turn, asyncio.timeout(SECONDS):
                return await self._asked(asked, request)
        except (TimeoutError, OSError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return Standing(None, f"{NOT_REACHED} ({type(error).__name__})")

    async def _asked(self, asked: Asked, request: bytes) -> Standing:
        parts = urlsplit(asked.responder_url)
        if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
            return Standing(None, "the responder's URL is none of HTTP")
        port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
        address = await looked_up(parts.hostname, port)
        if not (is_open(address) or self._inside):
            return Standing(None, "the responder's address is not public")
        url = httpx.URL(asked.responder_url.strip()).copy_with(host=str(address))
        headers = HEADERS | {"Host": parts.netloc.rpartition("@")[2]}
        extensions = {"sni_hostname": parts.hostname}
        async with self._web.stream("POST", url, content=request, headers=headers, extensions=extensions) as answer:
            if answer.status_code != httpx.codes.OK:
                return Standing(None, f"the responder said HTTP {answer.status_code}")
            said = b""
            async for some in answer.aiter_bytes():
                said += some
                if len(said) > ANSWER_MAX:
                    break
        return judged(asked, said)
