"""The yardstick for REST: a plain ASGI function and psycopg on the same table, served by the same daphne, with nothing
between. No log-in, no check of what comes in, no history. Argument: the database as a psycopg connection string."""

import json
import sys
from typing import Any

import msgspec
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from gathering_site.listening import listen
from gathering_site.server import Server

COLUMNS = (
    "id, name, role, status, provider, model, system_prompt, persona, traits, settings, tags, owner_id AS owner, "
    "visibility, created_at, updated_at"
)
LIST = f"SELECT {COLUMNS} FROM agents_agent ORDER BY id LIMIT 10"
GET = f"SELECT {COLUMNS} FROM agents_agent WHERE id = %s"
CREATE = f"""
INSERT INTO agents_agent (name, role, status, provider, model, system_prompt, persona, traits, settings, tags, owner_id,
    visibility, created_at, updated_at)
VALUES (%s, '', 'active', %s, 'demo', '', '', '{{}}', '{{}}', '{{}}', 1, 'private', now(), now()) RETURNING {COLUMNS}
"""
ENCODER = msgspec.json.Encoder()


class Application:
    def __init__(self, database: str) -> None:
        options = {"row_factory": dict_row, "autocommit": True}
        self.pool = AsyncConnectionPool(database, kwargs=options, min_size=8, max_size=16, open=False)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.pool.open()  # Does nothing when it is open.
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, found = await self.answer(scope["method"], scope["path"], body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": ENCODER.encode(found)})

    async def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        async with self.pool.connection() as connection:
            if method == "POST":
                given = json.loads(body)
                return 201, await (await connection.execute(CREATE, (given["name"], given["provider"]))).fetchone()
            if path == "/agents":
                return 200, await (await connection.execute(LIST)).fetchall()
            return 200, await (await connection.execute(GET, (int(path.rpartition("/")[2]),))).fetchone()


if __name__ == "__main__":
    listening = listen("127.0.0.1", 0)
    print(listening.getsockname()[1], flush=True)
    Server(Application(sys.argv[1]), listening).run()
