"""What must not be in the history of a session, by the promises of docs/promises.md.

Each rule yields a sentence for each violation. Where an answer did not come, or said that the store is away,
the rules take either outcome: it was done, or it was not. What else they leave open has its reason beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from torture.history import (
    AWAY,
    BEGINNING,
    ENDING,
    GONE,
    OK,
    REMOVED,
    ROTATING,
    Life,
    Operation,
)

TOMBSTONE: Final = 25.0
"""Seconds for which an id that was replaced is surely remembered: 60, less what the clocks of two workers can
be apart (`nemeses.CLOCKS`)."""


class Violation(NamedTuple):
    rule: str
    life: int
    text: str


class Checked(Counter[str]):
    """How often each rule was put to the test."""


def violations(life: Life, checked: Checked) -> list[Violation]:
    """All violations in one history. Counts in `checked` what was compared."""
    if too_slow(life):
        checked["lives that were left out because a login took too long"] += 1
        return []
    return [
        Violation(name, life.number, text) for name, rule in RULES.items() for text in rule(life, checked)
    ]


def too_slow(life: Life) -> bool:
    """Whether a cookie was still in use when the library may have forgotten that it has replaced it.

    A login finds the session again for a minute only (ROT-6).
    """
    for cookie in range(len(life.cookies)):
        replaced = [each.sent_at for each in life.operations if _replaces(each, cookie)]
        used = [
            each.answered_at
            for each in life.operations
            if each.cookie == cookie and each.answered and each.kind != "ghost"
        ]
        if replaced and used and max(used) - min(replaced) > TOMBSTONE:
            return True
    return False


def _replaces(operation: Operation, cookie: int) -> bool:
    return operation.kind in ROTATING and operation.cookie == cookie


def _first_sent(life: Life, kinds: frozenset[str]) -> float:
    return min((each.sent for each in life.operations if each.kind in kinds), default=float("inf"))


def _ended_at(life: Life) -> float:
    """From when on the session is surely over."""
    return min(
        (each.answered for each in life.operations if each.kind in ENDING and each.acknowledged),
        default=float("inf"),
    )


def _reads(life: Life) -> list[Operation]:
    return [each for each in life.operations if each.kind == "read" and each.acknowledged and each.live]


# -- the rules ---------------------------------------------------------------------------------------


def answers(life: Life, checked: Checked) -> Iterator[str]:
    """BAD-2: an answer is 200, or 503 while the store is away. 409 only after a logout."""
    may_end = _first_sent(life, ENDING)
    for each in life.operations:
        if not each.answered:
            continue
        checked["answers"] += 1
        ended = each.status == GONE and may_end < each.answered
        if each.status not in (OK, AWAY) and not ended:
            yield f"operation {each.number} ({each.kind}) was answered with {each.status}"


def counted_once(life: Life, checked: Checked) -> Iterator[str]:
    """CONC-2, CONC-5, ROT-5: each acknowledged increment and append is there, and none is there twice."""
    adds = {each.number: each for each in life.operations if each.kind == "add"}
    for read in _reads(life):
        log: list[int] = read.seen["log"]
        numbers = set(log)
        acknowledged = {
            number for number, add in adds.items() if add.acknowledged and add.answered < read.sent
        }
        checked["acknowledged changes found again"] += len(acknowledged)
        if missing := sorted(acknowledged - numbers):
            yield f"read {read.number} misses acknowledged changes: {missing}"
        if len(log) != len(numbers):
            twice = sorted(number for number, times in Counter(log).items() if times > 1)
            yield f"read {read.number} shows changes more than once: {twice}"
        if foreign := sorted(each for each in numbers if each not in adds or adds[each].sent > read.answered):
            yield f"read {read.number} shows changes that nobody had sent: {foreign}"
        if read.seen["n"] != len(log):
            yield f"read {read.number} counts {read.seen['n']}, and lists {len(log)}"


def never_back_in_time(life: Life, checked: Checked) -> Iterator[str]:
    """SAVE-1: a read shows all that an earlier read has shown."""
    reads = _reads(life)
    for read in reads:
        before = [each.seen["log"] for each in reads if each.answered < read.sent]
        if not before:
            continue
        checked["reads compared with an earlier one"] += 1
        last: list[int] = max(before, key=len)
        if read.seen["log"][: len(last)] != last:
            yield f"read {read.number} goes back behind what an earlier one has shown"


def last_assignment(life: Life, checked: Checked) -> Iterator[str]:
    """CONC-1, CONC-3: a key that one lane alone assigns holds what that lane has assigned last.

    What a request sets that came with a replaced id is kept apart, so only what saw the session counts.
    """
    for read in _reads(life):
        for lane, value in enumerate(read.seen["lanes"]):
            assigned = [
                each
                for each in life.operations
                if each.kind == "assign" and each.lane == lane and each.sent < read.answered
            ]
            sure = [
                each for each in assigned if each.acknowledged and each.live and each.answered < read.sent
            ]
            last = max(sure, key=lambda each: each.sent, default=None)
            if last is not None:
                checked["assignments found again"] += 1
            possible = {
                each.number
                for each in assigned
                if last is None or each.sent >= last.sent or not each.acknowledged
            }
            if last is None:
                possible.add(0)
            if value not in possible:
                yield f"read {read.number} shows {value} in lane {lane}, and not {sorted(possible)}"


def flash_once(life: Life, checked: Checked) -> Iterator[str]:
    """FLASH-1: a flash value is shown once."""
    shown = Counter(
        each.seen["flash"]
        for each in life.operations
        if each.kind == "take" and each.acknowledged and each.seen.get("flash")
    )
    checked["flash values shown"] += len(shown)
    for number, times in shown.items():
        if times > 1:
            yield f"the flash value of {number} was shown {times} times"


def flash_shown(life: Life, checked: Checked) -> Iterator[str]:
    """FLASH-1: a flash value is shown, if nothing has failed.

    What was taken without an answer may have been taken at any later moment.
    """
    flashes = [each for each in life.operations if each.kind == "flash"]
    for take in life.operations:
        if take.kind != "take" or not take.acknowledged or not take.live:
            continue
        sure = [each for each in flashes if each.acknowledged and each.live and each.answered < take.sent]
        last = max(sure, key=lambda each: each.sent, default=None)
        others = [each for each in life.operations if each.kind == "take" and each is not take]
        if last is None or any(
            not each.acknowledged or last.sent < each.sent for each in others if each.sent < take.sent
        ):
            continue
        possible = {last.number} | {each.number for each in flashes if not each.acknowledged}
        checked["flash values that had to be shown"] += 1
        if take.seen["flash"] not in possible:
            yield f"take {take.number} shows {take.seen['flash']}, and not the flash value of {last.number}"


def stays_logged_in(life: Life, checked: Checked) -> Iterator[str]:
    """ROT-2, BAD-2: with its latest cookie a browser sees its session, until it logs out."""
    may_end = _first_sent(life, ENDING)
    logins = [
        each.answered
        for each in life.operations
        if each.kind == "login" and each.acknowledged and each.set_cookie is not None
    ]
    for each in life.operations:
        if not each.acknowledged or each.cookie < 0 or each.kind == "ghost" or may_end < each.answered:
            continue
        # A login that was sent meanwhile may have replaced the id already.
        if any(_replaces(other, each.cookie) and other.sent < each.answered for other in life.operations):
            continue
        checked["requests that saw their session"] += 1
        if not each.live:
            yield f"operation {each.number} ({each.kind}) was anonymous without a logout"
        elif each.seen["life"] != life.number:
            yield f"operation {each.number} ({each.kind}) saw the session {each.seen['life']}"
        elif each.kind == "read" and logins and min(logins) < each.sent and each.seen["owner"] != life.owner:
            yield f"read {each.number} was not logged in"


def over(life: Life, checked: Checked) -> Iterator[str]:
    """OUT-1, OUT-2, ROT-1, ROT-3: neither an ended session nor a replaced id opens anything."""
    ended = _ended_at(life)
    for each in life.operations:
        if not each.acknowledged or each.cookie < 0:
            continue
        replaced = any(
            _replaces(other, each.cookie) and other.acknowledged and other.answered < each.sent
            for other in life.operations
        )
        if each.sent < ended and not replaced:
            continue
        checked["requests with a cookie that is over"] += 1
        if each.live:
            yield f"operation {each.number} ({each.kind}) opened a session that is over"


def ended_everywhere(life: Life, checked: Checked) -> Iterator[str]:
    """OWN-2: nothing is left of an owner's sessions.

    A login without an answer may be done afterwards.
    """
    unsure = any(each.kind in ROTATING and not each.acknowledged for each in life.operations)
    for each in life.operations:
        if each.kind == "everywhere" and each.acknowledged and not unsure:
            checked["owners whose sessions were ended"] += 1
            if each.seen["left"]:
                yield f"operation {each.number} left {each.seen['left']} sessions of its owner"


def cookies(life: Life, checked: Checked) -> Iterator[str]:
    """COOKIE-1, COOKIE-4, ROT-2: a login brings a new cookie, a logout removes it, nothing else does."""
    may_end = _first_sent(life, ENDING)
    for each in life.operations:
        if not each.acknowledged:
            continue
        checked["answers whose cookies were looked at"] += 1
        if each.kind in BEGINNING:
            if each.set_cookie is None or each.set_cookie in (REMOVED, each.cookie):
                yield f"{each.kind} {each.number} brought no new cookie"
        elif each.kind == "logout":
            if each.set_cookie != REMOVED:
                yield f"logout {each.number} did not remove the cookie"
        elif each.set_cookie not in (None, each.cookie) and may_end > each.answered:
            # After an end it may begin another session, which is not the business of this one.
            yield f"operation {each.number} ({each.kind}) changed the cookie"


Rule = Callable[[Life, Checked], Iterator[str]]

RULES: Final[dict[str, Rule]] = {
    "answers are 200 or 503": answers,
    "acknowledged changes count once": counted_once,
    "reads never go back in time": never_back_in_time,
    "the last assignment holds": last_assignment,
    "a flash value is shown once at most": flash_once,
    "a flash value is shown if nothing failed": flash_shown,
    "nobody becomes anonymous without a logout": stays_logged_in,
    "what is over opens nothing": over,
    "all sessions of an owner end": ended_everywhere,
    "cookies change at logins and logouts only": cookies,
}
