"""`manage.py up` with its parts killed in the middle of an answer."""

import asyncio
import signal

import httpx
import psutil
import pytest
import websockets

from tests.scenarios.conftest import Listener, ended
from tests.up.gathering import Gathering

pytestmark = pytest.mark.xdist_group("survival")

TEXT = "write 120 words"


@pytest.fixture(scope="module")
def gathering(tmp_path_factory: pytest.TempPathFactory):
    running = Gathering(tmp_path_factory.mktemp("survival"))
    try:
        yield running.wait_until_ready()
    finally:
        running.stop()


class Person:
    """Talks to an agent of a running `up`, and comes back by number when the line is cut."""

    def __init__(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self.headers = {"Authorization": f"Bearer {gathering.token}"}
        self.frames: list[dict] = []
        self.texts: dict[int, str] = {}
        self.cuts = 0

    async def open(self, client: httpx.AsyncClient) -> None:
        agent = (await client.post("/agents", json={"name": f"Ada {id(self)}", "provider": "demo"})).json()["id"]
        self.conversation = (await client.post("/conversations", json={"agents": [agent]})).json()["id"]
        said = await client.post(f"/conversations/{self.conversation}/messages", json={"text": TEXT})
        self.run = said.json()["runs"][0]["id"]

    async def follow(self, enough) -> None:
        """Reads the conversation's stream to the first frame that is enough, over as many sockets as it takes."""
        async with asyncio.timeout(60):
            while True:
                last = next((frame["number"] for frame in reversed(self.frames) if "number" in frame), 0)
                address = (
                    f"{self.gathering.url.replace('http', 'ws')}/ws/conversations/{self.conversation}?after={last}"
                )
                try:
                    async with websockets.connect(address, additional_headers=self.headers) as socket:
                        listener = Listener(socket)
                        listener.frames, listener.texts = self.frames, self.texts
                        await listener.read(enough, seconds=60)
                        return
                except (
                    OSError,
                    websockets.ConnectionClosed,
                    websockets.InvalidMessage,
                    websockets.InvalidStatus,
                    EOFError,
                ):
                    self.cuts += 1
                    await asyncio.sleep(0.1)


def writing(frame: dict) -> bool:
    return frame.get("kind") == "message.delta" and frame["data"]["offset"] > 100


@pytest.mark.parametrize("words", [("celery", "worker"), ("manage.py", "serve"), ("postgres",), ("valkey",)])
async def test_an_answer_outlives_the_part_that_is_killed(gathering, words):
    async with httpx.AsyncClient(base_url=gathering.url, headers=Person(gathering).headers, timeout=30) as client:
        alice = Person(gathering)
        await alice.open(client)
        await alice.follow(writing)
        child: psutil.Process = gathering.child(*words)
        child.send_signal(signal.SIGKILL)
        await alice.follow(ended)

        run = (await client.get(f"/runs/{alice.run}")).json()
        assert (run["state"], run["reason"]) == ("succeeded", "")
        messages = (await client.get(f"/conversations/{alice.conversation}/messages")).json()
        assert [message["state"] for message in messages] == ["complete", "complete"]
        answer = messages[1]
        # The rehearsal writes the same words each time: whatever was killed, none is missing and none is there twice.
        assert len(answer["text"].split()) >= 120
        assert alice.texts == {answer["id"]: answer["text"]}
        numbers = [frame["number"] for frame in alice.frames if "number" in frame]
        assert numbers == list(range(1, len(numbers) + 1))
        assert [frame["kind"] for frame in alice.frames if "number" in frame].count("message.completed") == 1
        replies = [step for step in (await client.get(f"/runs/{alice.run}/steps")).json() if step["kind"] == "reply"]
        assert len(replies) == 1
        assert replies[0]["text"] == answer["text"]
