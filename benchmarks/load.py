"""Many HTTP clients at once. To be called in a process of its own, which then does nothing else."""

import asyncio
import secrets
import time
from dataclasses import dataclass

import aiohttp

from benchmarks.running import percentile


@dataclass
class Load:
    """What the clients saw. `core` is the share of a core that this process took: near 1 it is what limits."""

    rate: float
    p50: float
    p99: float
    core: float


def load(url: str, token: str, *, request: str, agent: int, clients: int, seconds: float) -> Load:
    """`request` is list, get or create. Each client sends its next one when it has the answer to the last."""
    return asyncio.run(ask(url, token, request=request, agent=agent, clients=clients, seconds=seconds))


async def ask(url: str, token: str, *, request: str, agent: int, clients: int, seconds: float) -> Load:
    paths = {"list": "/agents", "get": f"/agents/{agent}", "create": "/agents"}
    delays: list[float] = []

    async def client() -> None:
        while (begun := time.perf_counter()) < end:
            body = {"name": secrets.token_hex(8), "provider": "demo"} if request == "create" else None
            async with session.request("POST" if body else "GET", url + paths[request], json=body) as response:
                text = await response.read()
            assert response.status == (201 if body else 200), text
            delays.append(1000 * (time.perf_counter() - begun))

    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:
        begun, cpu = time.perf_counter(), time.process_time()
        end = begun + seconds
        await asyncio.gather(*(client() for _ in range(clients)))
    lasted = time.perf_counter() - begun
    return Load(
        rate=len(delays) / lasted,
        p50=percentile(delays, 50),
        p99=percentile(delays, 99),
        core=(time.process_time() - cpu) / lasted,
    )
