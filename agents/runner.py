"""Where runs are worked on: one asyncio loop a worker process, shared by all its runs. A Celery thread hands its run
over and waits; the threads only say how many runs go on at once."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import msgspec

from agents.choices import RunState
from agents.engine.flusher import Delta, Flusher
from agents.engine.run import BoundHit, open_stream, perform
from agents.journal import DatabaseJournal, in_database
from agents.providers import open_provider
from agents.providers.base import Account, Provider, ProviderError
from agents.services import runs
from agents.services.steps import Lost
from agents.services.work import load_work
from agents.services.workers import worker_name
from gathering_site.common.errors import DomainError
from gathering_site.events.live import publish_deltas
from gathering_site.events.redis_client import asyncio_client

logger = logging.getLogger(__name__)

RENEWAL = 1.0
"""Seconds between two renewals of the leases; also the time in which a worker notices that a run was cancelled."""

DATABASE_THREADS = 2
"""Few, since they and the loop take turns at Python's lock: with more of them tokens wait longer while many runs begin
(of 100 that begin together, 99 % of tokens take 72 ms with two, 145 ms with four, 200 ms with eight), and no run begins
sooner."""


class Runner:
    """The loop of this process with its flusher, its keeper of leases and its connections to providers."""

    def __init__(self) -> None:
        self.worker = worker_name()
        self.active: dict[int, asyncio.Task[None]] = {}
        self.providers: dict[bytes, Provider] = {}
        self.stopping = False
        self.flusher = Flusher(self.publish)
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(ThreadPoolExecutor(DATABASE_THREADS, "database"))
        threading.Thread(target=self.turn, name="runs", daemon=True).start()

    def turn(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.redis = asyncio_client()
        self.services = [self.loop.create_task(self.flusher.run()), self.loop.create_task(self.keep_leases())]
        self.loop.run_forever()

    def execute(self, run_id: int) -> None:
        """Works on the run until it has ended or is somebody else's. Called from a worker's thread, which waits."""
        asyncio.run_coroutine_threadsafe(self.work_on(run_id), self.loop).result()

    def stop(self) -> None:
        """Gives every run back to the queue; called when the worker is told to stop."""

        def cancel_all() -> None:
            self.stopping = True
            for task in self.active.values():
                task.cancel()

        self.loop.call_soon_threadsafe(cancel_all)

    async def publish(self, deltas: list[Delta]) -> set[int]:
        return await publish_deltas(self.redis, deltas)

    async def provider(self, account: Account) -> Provider:
        """The account's client, kept with its open connections for as long as the process lives. Its library, which
        takes up to a second, is loaded in a thread: the loop goes on."""
        key = msgspec.json.encode(account)
        if key not in self.providers:
            await asyncio.to_thread(import_module, f"agents.providers.{account.kind}")
        if key not in self.providers:  # Another run may have opened it meanwhile.
            self.providers[key] = open_provider(account)
        return self.providers[key]

    async def keep_leases(self) -> None:
        """Renews the leases of all runs of this loop together and lets go of those that are not ours any more. While
        the database is away none is let go: should another worker claim one, its claim is higher and ours can store
        nothing."""
        while True:
            await asyncio.sleep(RENEWAL)
            if not (run_ids := list(self.active)):
                continue
            try:
                held = await in_database(runs.renew_leases, worker=self.worker, run_ids=run_ids)
            except Exception:
                logger.exception("Leases could not be renewed")
                continue
            for run_id in run_ids:
                if run_id not in held and run_id in self.active:
                    self.active[run_id].cancel()

    async def work_on(self, run_id: int) -> None:
        if self.stopping or run_id in self.active:
            return
        claim = await in_database(runs.claim_run, run_id=run_id, worker=self.worker)
        if claim is None:
            return
        journal = DatabaseJournal(run_id, self.worker, claim)
        if self.stopping:
            await in_database(runs.release_run, **journal.holder)
            return
        task = self.active[run_id] = asyncio.create_task(self.bring_to_end(journal))
        await asyncio.wait([task])
        del self.active[run_id]
        if task.cancelled():
            if self.stopping:
                await in_database(runs.release_run, **journal.holder)
        else:
            task.result()

    async def bring_to_end(self, journal: DatabaseJournal) -> None:
        """Performs the claimed run and stores how it ended; what went wrong becomes the run's reason."""
        stream = None
        state, reason = RunState.FAILED, ""
        try:
            work, account = await in_database(load_work, run_id=journal.run_id)
            stream = open_stream(work)
            await perform(
                work,
                provider=await self.provider(account),
                journal=journal,
                flusher=self.flusher,
                stream=stream,
            )
            state = RunState.SUCCEEDED
        except Lost:
            return
        except (ProviderError, BoundHit, DomainError) as error:
            reason = str(error)
        except Exception:
            logger.exception("Run %s failed", journal.run_id)
            reason = f"Something unexpected went wrong; the server's log has it under run {journal.run_id}."
        text = stream.text if stream else ""
        await in_database(runs.finish_run, **journal.holder, state=state, reason=reason, text=text)
