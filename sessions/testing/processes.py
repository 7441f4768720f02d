"""Several processes, and several threads, at the same data at the same moment."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Coroutine
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import anyio
import pytest

from sessions.stores.base import Store
from sessions.testing.kit import Kit, MakeStore, a_key, a_record

RACERS = 3
ROUNDS = 40

Round = tuple[bool, bool, bytes]
"""Whether this one was told that it created the record, and that it replaced it; and what it found then."""

Racer = Callable[[int, Callable[[], object]], Coroutine[Any, Any, list[Round]]]


class ProcessPromises(Kit):
    def test_one_of_several_processes_wins(self, make_store: MakeStore, anyio_backend: Any) -> None:
        """CONC-3: of three processes that create a record at once one does. The same with `replace`."""
        self._skip_what_is_not_shared()
        if "fork" not in multiprocessing.get_all_start_methods():
            pytest.skip("this system cannot fork a process")
        keys = [a_key() for _ in range(ROUNDS)]
        run = partial(_run, anyio_backend, partial(_race, make_store, keys))
        _assert_one_wins(_in_processes(run, self.patience))

    def test_one_of_several_threads_wins(self, make_store: MakeStore, anyio_backend: Any) -> None:
        """CONC-3: the same with three threads of one process, each with an event loop and a store object."""
        self._skip_what_is_not_shared()
        keys = [a_key() for _ in range(ROUNDS)]
        run = partial(_run, anyio_backend, partial(_race, make_store, keys))
        _assert_one_wins(_in_threads(run, self.patience))

    def _skip_what_is_not_shared(self) -> None:
        if not self.shared:
            pytest.skip("the store says that it is not shared")


async def _race(
    make_store: MakeStore, keys: list[str], number: int, wait: Callable[[], object]
) -> list[Round]:
    """`wait` returns when all racers have called it: so they do each step at the same moment."""
    store: Store = make_store()
    rounds: list[Round] = []
    for key in keys:
        await store.load(key)  # it opens the store
        wait()
        created = await store.create(key, a_record(_payload(number)))
        wait()
        replaced = await store.replace(key, a_record(_payload(number), version=2), expected=1)
        wait()
        record = await store.load(key)
        rounds.append((created, replaced, record.payload if record else b""))
    await store.close()
    return rounds


def _payload(number: int) -> bytes:
    """Long enough that a mixture of two would show."""
    return b"%d" % number * 5000


def _assert_one_wins(racers: list[list[Round]]) -> None:
    for rounds in zip(*racers, strict=True):
        creators = [number for number, (created, _, _) in enumerate(rounds) if created]
        writers = [number for number, (_, replaced, _) in enumerate(rounds) if replaced]
        found = {payload for _, _, payload in rounds}
        assert len(creators) == 1, f"{len(creators)} were told that they created one record"
        assert len(writers) == 1, f"{len(writers)} were told that they replaced one version"
        same = found == {_payload(writers[0])}
        assert same, "what is in the store is not what the one who was told so has written"


def _run(backend: Any, racer: Racer, number: int, wait: Callable[[], object]) -> list[Round]:
    name, options = (backend, {}) if isinstance(backend, str) else backend
    return anyio.run(racer, number, wait, backend=name, backend_options=options)


def _in_processes(
    run: Callable[[int, Callable[[], object]], list[Round]], seconds: float
) -> list[list[Round]]:
    """They are forked, because a fixture's function can be sent to no other process."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(RACERS, timeout=seconds)
    pipes = [context.Pipe(duplex=False) for _ in range(RACERS)]
    processes = [
        context.Process(target=_report, args=(run, number, barrier.wait, sender))
        for number, (_, sender) in enumerate(pipes)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about threads; the new process has none
        for process in processes:
            process.start()
    results = [receiver.recv() for receiver, _ in pipes]
    for process in processes:
        process.join()
    for result in results:
        if isinstance(result, str):
            pytest.fail(f"in another process:\n{result}", pytrace=False)
    return results


def _report(
    run: Callable[[int, Callable[[], object]], list[Round]],
    number: int,
    wait: Callable[[], object],
    sender: Connection,
) -> None:
    """In a thread of its own: this one still looks as if the event loop of the test were running in it."""

    _take_a_core(number)

    def work() -> None:
        try:
            sender.send(run(number, wait))
        except BaseException:
            sender.send(traceback.format_exc())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def _take_a_core(number: int) -> None:
    """The system wakes all racers on one core if it can. They run one after another there: no race shows."""
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})


def _in_threads(run: Callable[[int, Callable[[], object]], list[Round]], seconds: float) -> list[list[Round]]:
    barrier = threading.Barrier(RACERS, timeout=seconds)
    results: dict[int, list[Round] | BaseException] = {}

    def work(number: int) -> None:
        try:
            results[number] = run(number, barrier.wait)
        except BaseException as fault:
            results[number] = fault

    threads = [threading.Thread(target=work, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found: list[list[Round]] = []
    for number in range(RACERS):
        result = results[number]
        if isinstance(result, BaseException):
            raise result
        found.append(result)
    return found
