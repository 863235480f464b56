"""What a TLS connection costs a gateway that runs on the loop that is named: prints KiB. In a process of its own."""

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from tls_town import Subject, tls_town  # noqa: E402

STATIONS = 150
CLIENT = """
import asyncio, ssl, sys
from websockets.asyncio.client import connect
async def main():
    port, ca, cert, key, count = sys.argv[1:]
    tls = ssl.create_default_context(cafile=ca)
    tls.load_cert_chain(cert, key)
    sockets = []
    for _ in range(int(count)):
        url = f"wss://127.0.0.1:{port}/ocpp/CP1"
        sockets.append(await connect(url, ssl=tls, compression=None, subprotocols=["ocpp1.6"]))
        await sockets[-1].send('[2,"1","Heartbeat",{}]')
        await sockets[-1].recv()
        print(flush=True)
        sys.stdin.readline()
asyncio.run(main())
"""


def resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as opened:
            town = await opened.enter_async_context(tls_town(Path(folder)))
            town.gateway._registry.put = lambda link: None  # one identity for all: none takes another's place
            paper = town.paper(Subject("CP1", "Dalstroom"))
            said = [str(town.gateway.tls_port), str(town.ca.root_path), str(paper[0]), str(paper[1]), str(STATIONS)]
            client = await asyncio.create_subprocess_exec(sys.executable, "-c", CLIENT, *said, stdin=-1, stdout=-1)
            assert client.stdin is not None
            assert client.stdout is not None
            base = 0
            for number in range(STATIONS):
                await client.stdout.readline()
                base = resident_kib() if number == 19 else base  # the first ones fill pools that all share
                client.stdin.write(b"\n" if number < STATIONS - 1 else b"")
            print((resident_kib() - base) / (STATIONS - 20))
            client.kill()
            await client.wait()


if sys.argv[1] == "uvloop":
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
