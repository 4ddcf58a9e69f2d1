"""The one way for an event into the log, and after commit to the readers."""

import logging
import threading
from functools import partial
from typing import Any

from django.db import transaction

from gathering_site.events.frames import Frame, durable_frame, encode
from gathering_site.events.redis_client import AWAY, channel_of, client

logger = logging.getLogger(__name__)

STORE = """
WITH topic AS (
    INSERT INTO events_topic AS known (name, number) VALUES (%(topic)s, 1)
    ON CONFLICT (name) DO UPDATE SET number = known.number + 1
    RETURNING number
)
INSERT INTO events_event (topic, number, kind, data, at)
SELECT %(topic)s, number, %(kind)s, %(data)s::jsonb, clock_timestamp() FROM topic
RETURNING number, at, data::text
"""


class Outgoing(threading.local):
    """What this thread's last commit has to push."""

    def __init__(self) -> None:
        self.pushes: list[tuple[str, str]] = []


outgoing = Outgoing()


def emit(*, topic: str, kind: str, data: dict[str, Any]) -> Frame:
    """Stores an event as the topic's next one, in the transaction of the change it tells of, and pushes it after
    commit; gives its frame. `data` may hold datetimes and Decimals. Raises TransactionManagementError outside a
    transaction.

    The topic's row is locked until the transaction ends: numbers have no holes, and become visible in their order. A
    transaction that emits on several topics must do so in the order in which all others do."""
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("emit() must be called inside the transaction of the change.")
    with connection.cursor() as cursor:
        cursor.execute(STORE, {"topic": topic, "kind": kind, "data": encode(data)})
        number, at, stored = cursor.fetchone()
    frame = durable_frame(topic=topic, number=number, kind=kind, at=at, data=stored)
    push_after_commit(channel_of(topic), frame.text)
    return frame


def push_after_commit(channel: str, text: str) -> None:
    """All frames of one transaction leave together, after everything that was to follow its commit when the last was
    emitted: so a message's live text is sealed before its end is told. A frame of a savepoint that was rolled back does
    not leave: its own callback is gone then. The push itself belongs to no savepoint, hence the plain list instead of
    `on_commit`."""
    transaction.on_commit(partial(outgoing.pushes.append, (channel, text)), robust=True)
    callbacks = transaction.get_connection().run_on_commit
    callbacks[:] = [callback for callback in callbacks if callback[1] is not push]
    callbacks.append((set(), push, True))


def push() -> None:
    """Publishes what the commit let out. A push is only a hint: readers who miss it find the event by its number."""
    pushes, outgoing.pushes = outgoing.pushes, []
    if not pushes:
        return
    pipeline = client().pipeline(transaction=False)
    for channel, text in pushes:
        pipeline.publish(channel, text)
    try:
        pipeline.execute()
    except AWAY as error:
        logger.warning("%d events could not be pushed; readers will find them in the log: %s", len(pushes), error)
