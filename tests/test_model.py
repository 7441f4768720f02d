"""CONC-1, CONC-2, CONC-3, CONC-5, OUT-2, ROT-5: requests of one browser in any order, against a simple model.

Three requests are under way at once. Each does one step at a time, in an order that Hypothesis chooses. The
store's answer to any write may be lost. The model keeps what a person could know: what was answered counts.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from support import Unsure

from sessions import Event, MemoryStore, Session, SessionEnded, SessionMiddleware, StoreUnavailable
from sessions._turns import Retry

KEYS = ["a", "b"]
FLASHES = ["f", "g"]
SLOTS = range(3)
EXAMPLES = 150
ENDED = "the session was ended by another request"


class Line:
    """One session through all its ids. What a key may hold: more than one value if an answer was lost."""

    def __init__(self) -> None:
        self.alive = True
        self.may_hold: dict[str, set[Any]] = {}
        self.counted = 0
        """Increments that were answered."""
        self.perhaps = 0
        """Those of which the answer was lost."""
        self.rotations: list[set[str]] = []
        """The keys that each rotation wrote."""

    def holds(self, key: str) -> set[Any]:
        return self.may_hold.get(key, {None})


@dataclass
class Changes:
    """What a request has done since its last commit."""

    values: dict[str, Any] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)
    increments: int = 0

    def __bool__(self) -> bool:
        return bool(self.values or self.read or self.increments)


class Step:
    """What a handler awaits: what it is to do next."""

    def __await__(self) -> Generator[None, Any, Any]:
        return (yield)


class Visit:
    """A request under way, which does what it is told step by step; and what the model knows of it."""

    def __init__(self, middleware_store: Unsure, cookie: str | None) -> None:
        self.session: Session
        self.status = 0
        self.cookie: str | None = None
        self.removed = False
        self.outcome: Any = None
        headers = [(b"cookie", b"session=" + cookie.encode())] if cookie else []
        scope = {"type": "http", "scheme": "http", "path": "/", "headers": headers}
        middleware = SessionMiddleware(self._app, middleware_store, on_event=self._hear)
        self.refused = False
        """Whether the log says that its changes were not saved."""
        self._way: Coroutine[Any, Any, None] = middleware(scope, self._receive, self._send)
        self._go(None)
        # The model's part.
        self.line: Line | None = None
        self.seen = 0
        self.late = False
        """Whether it came with an id that was replaced before."""
        self.changes = Changes()
        self.unsure = Changes()
        self.rotating = False
        self.rotated = False
        """Whether `save()` has given the session a new id, of which the response tells the browser."""
        self.ending: list[Line] = []

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.session = scope["session"]
        while (act := await Step()) is not None:
            self.outcome = None
            try:
                self.outcome = act(self.session)
                if hasattr(self.outcome, "__await__"):
                    await self.outcome
            except (StoreUnavailable, SessionEnded) as error:
                self.outcome = error
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    def _hear(self, event: Event) -> None:
        self.refused = self.refused or (event.kind == "refused" and event.reason == ENDED)

    async def _receive(self) -> Any:
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message["headers"]:
                if name == b"set-cookie":
                    self.cookie = value.decode().partition(";")[0].partition("=")[2]
                    self.removed = b"Max-Age=0" in value

    def _go(self, act: Any) -> None:
        """Without an event loop: nothing here waits for anything but its next step."""
        try:
            self._way.send(act)
        except StopIteration:
            pass

    def do(self, act: Any) -> Any:
        self._go(act)
        return self.outcome

    def answer(self) -> None:
        self._go(None)

    @property
    def stale(self) -> bool:
        """Whether another request has given the session a new id since this one came."""
        return self.line is not None and len(self.line.rotations) != self.seen


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = Unsure(MemoryStore())
        self.cookie: str | None = None
        self.line: Line | None = None
        self.known = 0
        """How many rotations of its session the browser has learned of."""
        self.open: dict[int, Visit] = {}
        self.number = 0

    # -- steps of the requests --------------------------------------------------------------------------

    @initialize(anonymous=st.booleans())
    def begin_all(self, anonymous: bool) -> None:
        self.begin(0)
        if not anonymous:
            self.increment(0)
            self.answer(0, False)
        self.begin(1)
        self.begin(2)

    def begin(self, slot: int) -> None:
        visit = self.open[slot] = Visit(self.store, self.cookie)
        if self.line is not None:
            visit.line, visit.seen = self.line, self.known
            visit.late = visit.stale
            if not (self.line.alive or visit.late):
                visit.line = None

    @rule(slot=st.sampled_from(SLOTS), key=st.sampled_from(KEYS))
    def assign(self, slot: int, key: str) -> None:
        visit = self.open[slot]
        if not visit.late:
            self.number += 1
            value = self.number
            visit.do(lambda session: session.set(key, value))
            visit.changes.values[key] = value

    @rule(slot=st.sampled_from(SLOTS), key=st.sampled_from(KEYS))
    def remove(self, slot: int, key: str) -> None:
        visit = self.open[slot]
        if not visit.late and visit.do(lambda session: session.pop(key, None)):
            visit.changes.values[key] = None

    @rule(slot=st.sampled_from(SLOTS))
    def increment(self, slot: int) -> None:
        visit = self.open[slot]
        visit.do(lambda session: session.increment("n"))
        visit.changes.increments += 1

    @rule(slot=st.sampled_from(SLOTS), key=st.sampled_from(FLASHES))
    def flash(self, slot: int, key: str) -> None:
        visit = self.open[slot]
        if not visit.late:
            self.number += 1
            value = self.number
            visit.do(lambda session: session.flash(key, value))
            visit.changes.values[key] = value

    @rule(slot=st.sampled_from(SLOTS), key=st.sampled_from(FLASHES))
    def read_flash(self, slot: int, key: str) -> None:
        visit = self.open[slot]
        if not visit.late and (value := visit.do(lambda session: session.get(key))):
            assert visit.do(lambda session: session.get(key)) is None
            if key in visit.changes.values:
                visit.changes.values[key] = None
            else:
                visit.changes.read[key] = value

    @rule(slot=st.sampled_from(SLOTS), login=st.booleans())
    def rotate(self, slot: int, login: bool) -> None:
        """One at a time: what two logins at once come to is tested elsewhere (ROT-6)."""
        visit = self.open[slot]
        others = any(each.rotating for each in self.open.values())
        if not (others or visit.stale or visit.unsure):
            visit.do(lambda session: session.rotate())
            visit.rotating = True
            if login:
                visit.do(lambda session: setattr(session, "owner", "ada"))
                self.assign(slot, "a")

    @rule(slot=st.sampled_from(SLOTS))
    def destroy(self, slot: int) -> None:
        visit = self.open[slot]
        if not visit.unsure:
            visit.do(lambda session: session.destroy())
            if visit.line is not None:
                visit.ending.append(visit.line)
            visit.line, visit.rotating, visit.late = None, False, False
            visit.changes = Changes()

    @rule(slot=st.sampled_from(SLOTS), lose=st.booleans())
    def save(self, slot: int, lose: bool) -> None:
        visit = self.open[slot]
        self.losing(visit, lose)
        outcome = visit.do(lambda session: session.save())
        lost, self.store.losing = self.store.lost, {}
        self.store.lost = 0
        if isinstance(outcome, StoreUnavailable):
            assert lost
            self.doubt(visit)
        elif isinstance(outcome, SessionEnded):
            self.ended(visit)
        else:
            visit.rotated = visit.rotated or visit.rotating
            self.forget_if_unknown(visit)
            self.commit(visit)

    @rule(slot=st.sampled_from(SLOTS), lose=st.booleans())
    def answer(self, slot: int, lose: bool) -> None:
        """And the browser sends its next request."""
        self.finish(slot, lose)
        self.begin(slot)

    def finish(self, slot: int, lose: bool) -> None:
        visit = self.open[slot]
        self.losing(visit, lose)
        visit.answer()
        lost, self.store.losing = self.store.lost, {}
        self.store.lost = 0
        if visit.status == 503:
            assert lost
            self.doubt(visit)
            return
        assert visit.status == 200
        if not visit.refused:
            self.forget_if_unknown(visit)
        if visit.line is not None and not visit.line.alive and not visit.ending:
            assert visit.refused or not (visit.changes or visit.unsure), "a change was lost, and nobody told"
            if visit.cookie is not None:
                assert visit.rotated, "only an id that was saved before the end is told, and opens nothing"
                self.cookie, self.line = visit.cookie, None
            return
        begun = visit.line is None
        self.commit(visit)
        if visit.removed:
            self.cookie, self.line = None, None
        elif visit.cookie is not None:
            assert visit.line is not None
            self.cookie, self.line, self.known = visit.cookie, visit.line, len(visit.line.rotations)
        else:
            assert not (begun and visit.line), "a session began without a cookie"

    def forget_if_unknown(self, visit: Visit) -> None:
        """An id that was replaced before, of a session that has ended since, is as good as unknown."""
        ended = visit.line is not None and not visit.line.alive
        if ended and visit.late and (visit.changes or visit.unsure):
            visit.line, visit.late = None, False

    def losing(self, visit: Visit, lose: bool) -> None:
        if lose and not (visit.rotating or visit.ending):
            self.store.lose("replace")
            self.store.lose("create")

    # -- the model ----------------------------------------------------------------------------------------

    def commit(self, visit: Visit) -> None:
        """The request was told that all is saved."""
        for line in visit.ending:
            line.alive = False
        visit.ending = []
        if visit.line is None and (visit.changes or visit.unsure):
            visit.line, visit.rotating = Line(), False
            visit.line.perhaps = visit.unsure.increments
        line_ = visit.line
        if line_ is None:
            return
        assert line_.alive or not (visit.changes or visit.unsure), "a session that is over took a change"
        overtaken: set[str] = set().union(*line_.rotations[visit.seen :])
        self.note(line_, visit.unsure, overtaken, sure=False)
        line_.perhaps -= visit.unsure.increments
        line_.counted += visit.unsure.increments
        self.note(line_, visit.changes, overtaken, sure=not visit.unsure)
        line_.counted += visit.changes.increments
        if visit.rotating:
            line_.rotations.append({*visit.changes.values, *visit.unsure.values})
            visit.seen, visit.rotating = len(line_.rotations), False
        visit.changes, visit.unsure = Changes(), Changes()

    def note(self, line: Line, changes: Changes, overtaken: set[str], *, sure: bool) -> None:
        doubtful = {key for each in self.open.values() for key in each.unsure.values if each.line is line}
        for key, value in changes.values.items():
            if key not in overtaken:
                before = set() if sure and key not in doubtful else line.holds(key)
                line.may_hold[key] = {value} | before
        for key, value in changes.read.items():
            if key not in overtaken:
                after = {None if held == value else held for held in line.holds(key)}
                line.may_hold[key] = after if sure else after | line.holds(key)

    def doubt(self, visit: Visit) -> None:
        """The request was told nothing: it may be saved, now or by a next try."""
        both = visit.unsure
        if visit.line is not None:
            self.note(visit.line, visit.changes, set(), sure=False)
            visit.line.perhaps += visit.changes.increments
        both.values |= visit.changes.values
        both.read |= visit.changes.read
        both.increments += visit.changes.increments
        visit.changes = Changes()

    def ended(self, visit: Visit) -> None:
        assert visit.line is not None
        assert not visit.line.alive or visit.stale, "a living session was said to be over"
        if not visit.line.alive:
            visit.changes, visit.unsure, visit.rotating = Changes(), Changes(), False

    # -- what must hold -----------------------------------------------------------------------------------

    @invariant()
    def a_next_request_sees_what_was_answered(self) -> None:
        probe = Visit(self.store, self.cookie)
        seen = probe.do(dict)
        probe.answer()
        assert probe.cookie is None
        if self.line is None:
            assert seen == {}
        elif not self.line.alive:
            # With an id that was replaced, what was set with it alone is there for a minute.
            assert seen == {} or len(self.line.rotations) != self.known
        elif len(self.line.rotations) == self.known:
            count = seen.pop("n", 0)
            assert self.line.counted <= count <= self.line.counted + self.line.perhaps
            for key in (*KEYS, *FLASHES):
                assert seen.pop(key, None) in self.line.holds(key), key
            assert seen == {}

    def teardown(self) -> None:
        for slot in [*self.open]:
            self.finish(slot, False)
        self.a_next_request_sees_what_was_answered()


@pytest.mark.promise("CONC-1", "CONC-2", "CONC-3", "CONC-5", "OUT-2", "ROT-5", "FLASH-1")
def test_requests_in_any_order_agree_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(self: Retry, key: str) -> None:
        """No turn to wait for: the machine says who goes on, and there is no event loop."""

    monkeypatch.setattr(Retry, "wait", at_once)
    # The same examples each time: what a wider search finds is looked into by hand.
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=40, deadline=None, derandomize=True, database=None
        ),
    )
