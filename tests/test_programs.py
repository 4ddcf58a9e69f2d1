"""The programs that tests start do their work together."""

import subprocess
import time

import httpx
from celery import current_app

from agents.choices import RunState
from agents.models import Run
from conversations.models import Conversation
from gathering_site.supervisor import programs


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


def test_without_the_worker_nobody_takes_a_run_s_task(server: str, talk: Conversation, alice_token: str) -> None:
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {alice_token}"}) as client:
        run = client.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"}).json()["runs"][0]
    with current_app.connection_for_read() as broker, broker.SimpleQueue(current_app.conf.task_default_queue) as queue:
        while task := queue.get(timeout=5):  # Raises Empty, where a worker was quicker.
            task.ack()
            if run["id"] in [*task.payload[0], *task.payload[1].values()]:
                break
    assert Run.objects.get(pk=run["id"]).state == RunState.QUEUED


def test_a_worker_that_does_not_reach_its_queue_is_not_ready(variables: dict[str, str]) -> None:
    program = programs.worker()
    program.prepare()
    child = subprocess.Popen(
        program.arguments,
        env=program.environment | variables | {"CELERY_BROKER_URL": "redis://127.0.0.1:1"},
        pass_fds=program.descriptors,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert any("Cannot connect to redis:" in line for line in child.stderr)
        assert not program.ready(child.pid)
    finally:
        child.kill()
        child.communicate()
