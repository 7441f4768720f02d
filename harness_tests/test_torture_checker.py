"""BAD-3: what the checker of the torture says of histories that a test has made up."""

from __future__ import annotations

from typing import Any

import pytest

from torture.checker import RULES, TOMBSTONE, Checked, violations
from torture.history import OF_NOBODY_KNOWN, REMOVED, Life, Operation

pytestmark = pytest.mark.promise("BAD-3")


class Story:
    """A history in the making. What is told last comes last, unless two operations overlap."""

    def __init__(self) -> None:
        self.life = Life(7, cookies=["first", "second"])
        self.now = 0
        self.did("begin", cookie=-1, seen={"life": 0}, set_cookie=0)

    def sent(self, kind: str, *, cookie: int = 0, lane: int = 0) -> Operation:
        self.now += 1
        operation = Operation(kind, self.now, cookie, lane, self.now, sent_at=self.now / 1000)
        self.life.operations.append(operation)
        return operation

    def answered(self, operation: Operation, status: int = 200, **told: Any) -> Operation:
        self.now += 1
        operation.answered, operation.answered_at, operation.status = self.now, self.now / 1000, status
        operation.seen = told.get("seen", {}) if status == 200 else {}
        operation.set_cookie = told.get("set_cookie")
        return operation

    def did(self, kind: str, status: int = 200, *, cookie: int = 0, lane: int = 0, **told: Any) -> Operation:
        told.setdefault("seen", {"life": 7})
        return self.answered(self.sent(kind, cookie=cookie, lane=lane), status, **told)

    def read(self, *log: int, cookie: int = 0, **seen: Any) -> Operation:
        return self.answered(self.sent("read", cookie=cookie), seen=shown(*log, **seen))

    def login(self) -> None:
        self.did("login", set_cookie=1)

    def logout(self, cookie: int = 0) -> None:
        self.did("logout", cookie=cookie, set_cookie=REMOVED)

    def broken(self) -> list[str]:
        return [violation.rule for violation in violations(self.life, Checked())]


def shown(*log: int, life: int = 7, **seen: Any) -> dict[str, Any]:
    return {"life": life, "n": len(log), "log": [*log], "lanes": [0, 0, 0], "owner": None, **seen}


ANSWERS, ONCE, BACK, ASSIGNED, FLASH, SHOWN, ANONYMOUS, OVER, OWNER, COOKIES = RULES


@pytest.fixture
def story() -> Story:
    return Story()


def test_a_whole_life_without_a_fault(story: Story) -> None:
    add = story.did("add")
    story.read(add.number)
    story.login()
    again = story.did("add", cookie=1)
    flash = story.did("flash", cookie=1)
    story.did("take", cookie=1, seen={"life": 7, "flash": flash.number})
    story.did("take", cookie=1, seen={"life": 7, "flash": None})
    assign = story.did("assign", cookie=1, lane=2)
    story.read(add.number, again.number, cookie=1, lanes=[0, 0, assign.number], owner="user7")
    story.did("ghost", seen={"life": 0})
    story.logout(cookie=1)
    story.did("ghost", cookie=1, seen={"life": 0})
    assert story.broken() == []


# -- acknowledged changes -----------------------------------------------------------------------------


def test_an_acknowledged_change_is_missing(story: Story) -> None:
    story.did("add")
    story.read()
    assert story.broken() == [ONCE]


def test_a_change_is_there_twice(story: Story) -> None:
    add = story.did("add")
    story.read(add.number, add.number)
    assert story.broken() == [ONCE]


@pytest.mark.parametrize("status", [0, 503])
def test_a_change_without_acknowledgement_may_be_there_or_not(story: Story, status: int) -> None:
    add = story.sent("add") if status == 0 else story.did("add", status)
    story.read()
    story.read(add.number)
    assert story.broken() == []
    story.read(add.number, add.number)
    assert story.broken() == [ONCE]


def test_a_change_that_nobody_has_sent(story: Story) -> None:
    story.read(99)
    assert story.broken() == [ONCE]


def test_the_number_and_the_list_differ(story: Story) -> None:
    add = story.did("add")
    story.read(add.number, n=2)
    assert story.broken() == [ONCE]


def test_a_change_that_overlaps_a_read_may_be_in_it_or_not(story: Story) -> None:
    add, first, second = story.sent("add"), story.sent("read"), story.sent("read")
    story.answered(add, seen={"life": 7})
    story.answered(first, seen=shown())
    story.answered(second, seen=shown(add.number))
    assert story.broken() == []


def test_a_change_beside_a_login_is_in_the_new_session(story: Story) -> None:
    add = story.sent("add")
    story.login()
    story.answered(add, seen={"life": 7})
    late = story.did("add", seen={"life": 0})  # with the old id
    story.read(add.number, late.number, cookie=1, owner="user7")
    assert story.broken() == []
    story.read(add.number, cookie=1, owner="user7")
    assert ONCE in story.broken()


# -- reads ---------------------------------------------------------------------------------------------


def test_a_read_goes_back(story: Story) -> None:
    one, two = story.sent("add"), story.sent("add")
    story.read(one.number, two.number)
    story.read(two.number, one.number)
    assert story.broken() == [BACK]


def test_reads_that_overlap_are_in_no_order(story: Story) -> None:
    one = story.sent("add")
    first, second = story.sent("read"), story.sent("read")
    story.answered(first, seen=shown(one.number))
    story.answered(second, seen=shown())
    assert story.broken() == []


def test_an_assignment_is_lost_or_comes_back(story: Story) -> None:
    one = story.did("assign")
    story.read(lanes=[one.number, 0, 0])
    two = story.did("assign")
    story.read(lanes=[two.number, 0, 0])
    assert story.broken() == []
    story.read(lanes=[one.number, 0, 0])
    assert story.broken() == [ASSIGNED]


def test_an_assignment_with_a_replaced_id_is_kept_apart(story: Story) -> None:
    one = story.did("assign")
    story.login()
    story.did("assign", seen={"life": 0})
    story.read(lanes=[one.number, 0, 0], cookie=1, owner="user7")
    assert story.broken() == []


def test_an_assignment_without_an_answer_may_be_done_late(story: Story) -> None:
    lost = story.sent("assign")
    one = story.did("assign")
    story.read(lanes=[one.number, 0, 0])
    story.read(lanes=[lost.number, 0, 0])
    assert story.broken() == []


# -- flash ---------------------------------------------------------------------------------------------


def test_a_flash_value_is_shown_twice(story: Story) -> None:
    flash = story.did("flash")
    for _ in range(2):
        story.did("take", seen={"life": 7, "flash": flash.number})
    assert story.broken() == [FLASH]


def test_a_flash_value_is_not_shown(story: Story) -> None:
    story.did("flash")
    story.did("take", seen={"life": 7, "flash": None})
    assert story.broken() == [SHOWN]


def test_a_flash_value_may_have_been_taken_without_an_answer(story: Story) -> None:
    story.sent("take")
    story.did("flash")
    story.did("take", seen={"life": 7, "flash": None})
    assert story.broken() == []


# -- logins and logouts --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["read", "add", "take"])
def test_a_browser_becomes_anonymous(story: Story, kind: str) -> None:
    story.did(kind, seen=shown(life=0))
    assert story.broken() == [ANONYMOUS]


def test_a_browser_sees_another_session(story: Story) -> None:
    story.read(life=8)
    assert story.broken() == [ANONYMOUS]


def test_a_browser_is_not_logged_in_after_its_login(story: Story) -> None:
    story.login()
    story.read(cookie=1)
    assert story.broken() == [ANONYMOUS]


def test_a_request_beside_a_login_or_a_logout_may_be_anonymous(story: Story) -> None:
    read = story.sent("read")
    story.login()
    story.answered(read, seen={"life": 0})
    read = story.sent("read", cookie=1)
    story.logout(cookie=1)
    story.answered(read, seen={"life": 0})
    assert story.broken() == []


@pytest.mark.parametrize("kind", ["ghost", "read"])
def test_an_ended_session_is_open(story: Story, kind: str) -> None:
    story.logout()
    story.did(kind, seen=shown())
    assert OVER in story.broken()


def test_a_replaced_id_opens_the_session(story: Story) -> None:
    story.login()
    story.did("ghost", seen={"life": 7})
    assert story.broken() == [OVER]


@pytest.mark.parametrize("login", ["done", "lost"])
def test_a_session_of_the_owner_is_left(story: Story, login: str) -> None:
    if login == "lost":
        story.sent("login")
    story.did("everywhere", seen={"life": 7, "left": 1})
    assert story.broken() == ([OWNER] if login == "done" else [])


@pytest.mark.parametrize(
    ("kind", "set_cookie"),
    [
        ("login", None),
        ("login", 0),
        ("logout", None),
        ("read", REMOVED),
        ("add", OF_NOBODY_KNOWN),
        ("add", 1),
    ],
)
def test_a_wrong_cookie(story: Story, kind: str, set_cookie: int | None) -> None:
    story.answered(story.sent(kind), seen=shown(), set_cookie=set_cookie)
    assert story.broken() == [COOKIES]


def test_an_extension_is_no_new_cookie(story: Story) -> None:
    story.did("assign", set_cookie=0)
    assert story.broken() == []


# -- answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 409, 500])
def test_a_wrong_answer(story: Story, status: int) -> None:
    story.did("add", status)
    assert story.broken() == [ANSWERS]


def test_a_session_that_was_ended_meanwhile_is_said_to_be(story: Story) -> None:
    add = story.sent("add")
    story.logout()
    story.answered(add, 409)
    assert story.broken() == []


def test_a_login_that_took_longer_than_a_tombstone_lasts_is_left_out(story: Story) -> None:
    lost = story.sent("login")
    story.did("add")
    story.login()
    story.read(cookie=1, owner="user7")
    assert story.broken() == [ONCE]
    lost.sent_at -= TOMBSTONE
    assert story.broken() == []
