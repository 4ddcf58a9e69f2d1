"""The programs that tests start do their work together."""

import time

import httpx

from conversations.models import Conversation


def test_a_message_to_a_real_server_is_answered_by_a_real_worker(
    server: str, worker: None, talk: Conversation, alice_token: str
) -> None:
    client = httpx.Client(base_url=server, headers={"Authorization": f"Bearer {alice_token}"})
    with client:
        run = client.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"}).json()["runs"][0]
        give_up_at = time.monotonic() + 20
        while run["finished_at"] is None and time.monotonic() < give_up_at:
            run = client.get(f"/runs/{run['id']}").json()
            time.sleep(0.05)
        assert run["state"] == "succeeded"


def test_without_the_worker_a_run_stays_queued(server: str, talk: Conversation, alice_token: str) -> None:
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {alice_token}"}) as client:
        run = client.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"}).json()["runs"][0]
        time.sleep(0.3)
        assert client.get(f"/runs/{run['id']}").json()["state"] == "queued"
