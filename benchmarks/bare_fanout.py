"""The yardstick: `websockets` and a Redis subscription, with nothing between. Arguments: REDIS_URL, channel."""

import asyncio
import sys

import redis.asyncio
from websockets.asyncio.server import ServerConnection, broadcast, serve


async def main(url: str, channel: str) -> None:
    connections: set[ServerConnection] = set()

    async def hold(connection: ServerConnection) -> None:
        connections.add(connection)
        try:
            await connection.wait_closed()
        finally:
            connections.discard(connection)

    async with (
        serve(hold, "127.0.0.1", 0, compression=None) as server,
        redis.asyncio.from_url(url) as client,
        client.pubsub(ignore_subscribe_messages=True) as subscription,
    ):
        await subscription.subscribe(channel)
        print(server.sockets[0].getsockname()[1], flush=True)
        async for message in subscription.listen():
            broadcast(connections, message["data"].decode())


asyncio.run(main(*sys.argv[1:]))
