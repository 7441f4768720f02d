"""The state machine of a request's session: what a commit does, and what it finds that others have done.

                       begin (something was set)
          ANONYMOUS ────────────────────────────► LIVE ◄──┐ replace, rotate
              ▲                                    │ │ └──┘ (compare-and-set; replay if others were faster)
              │          end (destroy, clear)      │ │
              └────────────────────────────────────┘ │
                                                     │ found out as a compare-and-set fails, or by `refresh`:
                   another request gave it a new id  │  another request ended it, or it expired
                     MOVED ◄─────────────────────────┴──────────────────────────► ENDED

    begin     a new record under a new id.
    replace   the next version of the record, if nobody wrote in between. Else the request's changes are
              replayed on what is there by then, and it is tried again.
    rotate    a new record under a new id, then a tombstone in place of the old one, which leads to it.
    end       the record is gone, under whatever id it lives by then.
    MOVED     the changes are replayed on the record that follows, as if they had come just before the
              rotation. A request that came with the old id has seen nothing of the session: what it sets is
              kept beside the old id, and only what functions change reaches the record that follows.
              Where nothing follows any more, as the session was ended since, it begins a new one.
              A login as the owner of that record takes it over: LIVE again. Another login begins anew.
    ENDED     changes are refused with `SessionEnded`.

Each commit has an id, and a record remembers the ids of the last few. When the store's answer is lost,
the same commit is tried again before the next one, and a retry that finds its own id is done. One that
finds neither its own id nor that of the commit before it cannot tell, and is not done again.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from sessions._adopt import adopt
from sessions._carriers import Carried, Loaded, MovingIn
from sessions._changes import Log
from sessions._json import encode
from sessions._lifetime import Lifetime, Timeouts
from sessions._record import Content, Plain, Record, moved_to, new_commit_id
from sessions._stamp import stamped
from sessions._turns import Retry
from sessions._work import Standing, Taken, Work, one_at_a_time
from sessions.errors import SessionEnded, SessionTooLarge, StoreUnavailable, WriteConflict

logger = logging.getLogger("sessions")

MAX_TRIES: Final = 64
"""How often a save is tried on top of what other requests saved in between."""

PAUSE_BETWEEN_WARNINGS: Final = 60.0
"""Seconds in which one middleware logs once that something waits."""

_ENDED: Final = "the session was ended by another request"
_CONFLICT: Final = "too many requests write to one session at the same time"

_LIVE: Final = Standing.LIVE

Values = dict[str, Any]


async def commit(work: Work, values: Values, *, extend: bool, asked: bool = False) -> None:
    """Bring the store up to date. `extend`: the request counts as activity; `asked`: by `session.save()`.

    What the handler has not asked for, an extension or the move of another library's session, waits for a
    later request if the store cannot do it now (BAD-4).

    Raises:
        SessionEnded: another request ended the session; the changes are not kept.
        SessionTooLarge: the record, or its cookie, would not fit; the changes are still to be saved.
        StoreUnavailable: the store is away; the changes are still to be saved.
        TypeError: a nested value was changed into something that JSON cannot hold.
        LateChange: a nested value was changed that another request had replaced.
    """
    held, notes = work.held, work.notes
    if extend or asked or work.special or work.nested or work.saving or held is None or notes is None:
        await _commit_anything(work, values, extend, asked)
        return
    # The next version of a record that nobody else has written meanwhile: what most writing requests want.
    # The same as `_commit_anything` does, with as few steps as possible.
    carrier, record, base, life = work.carrier, held.record, work.base, work.life
    work.saving = True
    try:
        one_at_a_time.acquire()
        try:
            owner = work.owner
            text = encode(Plain(work.flash, values, owner, work.authenticated_at))
            work.notes, work.base = None, text
        finally:
            one_at_a_time.release()
        if len(text) > carrier.max_content:
            work.give_back(Taken(base, text, notes, owner, None, life))
            raise _too_large(len(text), carrier.max_content)
        commit_id = new_commit_id()
        saved = held.rewritten(text, commit_id, owner)
        try:
            kept = await carrier.replace(held.key, saved.record, expected=record.version)
        except BaseException:
            taken = Taken(base, text, notes, owner, None, life, commit_id=commit_id)
            taken.send(held)
            _doubt(work, taken)
            raise
        if not kept:
            taken = Taken(base, text, notes, owner, None, life, commit_id=commit_id, failed=True)
            taken.send(held)
            await _save(work, values, taken, extend)
        elif work.life != life:
            _end_later(work, saved)
        else:
            if work.known is held and carrier.on_server:
                work.known = saved  # the same id and the same expiry: nothing to tell
            work.held = saved
    finally:
        work.saving = False
        if work.waiting is not None:
            work.end_turn()


async def _commit_anything(work: Work, values: Values, extend: bool, asked: bool) -> None:
    await work.wait_for_turn()
    try:
        retried = work.unsure is not None
        if work.unread:
            work.read(values)
        if work.special:
            if not asked and work.moving is not None and not await _moved_in(work, values, work.moving):
                return
            await _catch_up(work, values)
            work.look_at_login_keys(values)
        taken = work.take(values)
        taken.asked = asked
        await _save(work, values, taken, extend)
        if taken.is_login and work.carrier.max_sessions is not None:
            work.crowding = True
        if work.crowding:
            await _end_oldest(work)
        if asked and not (taken.changed or retried):
            await _check_that_it_lives(work)
    finally:
        work.end_turn()


async def _end_oldest(work: Work) -> None:
    """After a login: keep to the number of sessions that an owner may have."""
    if work.owner is not None:
        try:
            await work.carrier.end_oldest(work.owner)
        except BaseException:
            work.pending = work.special = True  # for the next commit
            raise
    work.crowding = False


def _doubt(work: Work, taken: Taken) -> None:
    """The store's answer is lost: it may have been done."""
    taken.unheard = True
    work.unsure, work.pending, work.special = taken, True, True


async def refresh(work: Work, values: Values) -> None:
    """Go on with what the store has by now; what is not saved yet stays to be saved.

    Raises `SessionEnded` and `StoreUnavailable`.
    """
    await work.wait_for_turn()
    try:
        await _catch_up(work, values)
        found = await _check_that_it_lives(work)
        if found is not None and work.held is not None:
            carried, since = found[0], work.base  # the base goes by what is held, if nobody asked before
            _note_extension(work, work.held, carried)
            work.held = carried
            adopt(work, values, carried.line, since)
    finally:
        work.end_turn()


async def _catch_up(work: Work, values: Values) -> None:
    """Do first what was to be done before: a session of another library is to be begun here, a commit may
    not have been done, sessions are to be ended."""
    if work.moving is not None:
        await _move_in(work, work.moving)
    if work.unsure is not None:
        taken, work.unsure = work.unsure, None
        await _save(work, values, taken, extend=False)
    while work.ending:
        await work.carrier.end(work.ending[0])
        work.report("ended", key=work.ending[0].key, owner=work.ending[0].record.owner)
        work.ending = work.ending[1:]


async def _moved_in(work: Work, values: Values, moving: MovingIn) -> bool:
    """Begin it. If the store cannot, and the request has nothing to save itself, the next one does."""
    try:
        await _move_in(work, moving)
    except StoreUnavailable as fault:
        if work.has_owed(values):
            raise
        _put_off(work, "take in a session of another library", fault)
        work.stay_out()
        return False
    return True


def _put_off(work: Work, what: str, fault: StoreUnavailable) -> None:
    """Log that something waits: once in a while, as all requests meet the same outage."""
    now = time.monotonic()
    if now - work.carrier.warned_at >= PAUSE_BETWEEN_WARNINGS:
        work.carrier.warned_at = now
        logger.warning("the store could not %s, which a later request tries again: %s", what, fault)


async def _move_in(work: Work, moving: MovingIn) -> None:
    """Begin another library's session as one of ours, with the values that it came with (MOVE-1)."""
    moved = await work.carrier.move_in(moving)
    work.moving, carried = None, moved.carried
    if moved.began and carried is not None:
        work.report("began", key=carried.key, owner=carried.record.owner)
    ends = any(each is moving.carried for each in work.ending)
    if work.carrier.on_server or ends:
        await moving.remove()
    work.ending = tuple(each for each in work.ending if each is not moving.carried)
    if ends and carried is not None:
        work.ending = (carried, *work.ending)
    if work.held is moving.carried:
        work.held = carried
        if carried is None:  # another request has ended it meanwhile
            work.standing = Standing.ENDED
        elif moved_to(carried.record.payload) is not None:
            work.known = carried  # another request has logged in meanwhile: the browser is told by that one


async def _save(work: Work, values: Values, taken: Taken, extend: bool) -> None:
    """Save what was taken, or give it back."""
    known = work.known
    try:
        if taken.changed:
            work.check()
        if work.standing is _LIVE and work.held is not None:
            await _keep(work, values, taken, work.held, extend)
        elif taken.changed or taken.rotate:
            await _save_without_a_record(work, values, taken)
    except SessionEnded:
        _let_go(work, values)
        if taken.changed:
            raise
    except StoreUnavailable as fault:
        if taken.is_owed:
            _not_saved(work, taken)
            raise
        work.known = known  # the browser is told of no end that others may have written meanwhile
        _put_off(work, "extend a session", fault)
    except BaseException:
        _not_saved(work, taken)
        raise


def _not_saved(work: Work, taken: Taken) -> None:
    """What was taken is for the next commit."""
    if taken.sent and taken.is_owed:
        _doubt(work, taken)
    else:
        work.give_back(taken)


async def _save_without_a_record(work: Work, values: Values, taken: Taken) -> None:
    if work.standing is Standing.ENDED:
        raise SessionEnded(_ENDED)
    before = work.tombstone or work.held
    if before is not None:  # another request gave the session a new id
        await _go_after(work, values, taken, await _found(work, before))
    elif taken.changed:
        begun = await _begin(work, taken, taken.after, taken.owner, taken.timeouts)
        _land(work, values, taken, begun)


async def _keep(
    work: Work,
    values: Values,
    taken: Taken,
    carried: Carried,
    extend: bool,
    replayed: Content | None = None,
    takes_over: bool = False,
) -> None:
    """The next version of a living record: replaced, or under a new id.

    `replayed` is the record's content with the changes, if others have written it since it was loaded.
    """
    log = None
    rotate = taken.rotate and not takes_over
    retry = Retry()
    try:
        for _ in range(MAX_TRIES):
            line, owner, timeouts = taken.after, taken.owner, taken.timeouts
            if replayed is not None:
                line, owner, timeouts = encode(replayed), replayed.owner, replayed.timeouts
            saved = None
            if taken.failed:
                taken.failed = False
            else:
                saved = await _try(
                    work, taken, carried, (line, owner, timeouts), extend=extend, rotate=rotate
                )
            if saved is not None:
                _land(work, values, taken, saved, None if replayed is None else line)
                return
            # Before the turn of others: the record may have forgotten this commit after them.
            found = await _found(work, carried)
            if found[1].moved is None and taken.was_done(found[0]):
                _land(work, values, taken, found[0], found[0].line)
                return
            if found[1].moved is None and await retry.wait(carried.key):
                found = await _found(work, carried)
            if found[1].moved is not None:
                break
            _note_extension(work, carried, found[0])
            carried, content = found
            log = log or taken.log()
            replayed = log.replay(content)
        else:
            raise WriteConflict(_CONFLICT)
    finally:
        retry.end()
    await _go_after(work, values, taken, found)


async def _try(
    work: Work,
    taken: Taken,
    carried: Carried,
    content: tuple[bytes, str | None, Timeouts | None],
    *,
    extend: bool,
    rotate: bool,
) -> Carried | None:
    """Keep the next version, with this text, owner and timeouts; None if others were faster."""
    line, owner, timeouts = content
    saved: Carried | None = None
    lifetime = work.carrier.lifetime.of_session(owner, timeouts)
    renew = _renewal(lifetime, taken, carried.record, extend)
    if not (taken.changed or rotate or renew):
        return carried
    changed = carried.rewritten(line, taken.named(), owner)
    if renew:
        changed = changed.renewed(*renew)
    if taken.changed:  # what only lives on may be from before there was a limit
        _check_size(work, taken, changed, line)
    taken.send(carried)
    if rotate:
        written = sorted(taken.log().values)
        saved = await work.carrier.rotate(carried, changed, taken.named(), written, taken.drawn())
        if saved is None:
            taken.seed = b""
    elif await work.carrier.replace(carried.key, changed.record, expected=carried.record.version):
        saved = changed
    if saved is None:
        return None
    taken.hear()
    if rotate or taken.is_login:
        kind = "login" if taken.authenticated else "rotated"
        work.report(kind, key=saved.key, former_key=carried.key, owner=owner)
    return saved


async def _go_after(work: Work, values: Values, taken: Taken, tombstone: Loaded) -> None:
    """Another request has given the session a new id."""
    followed = await work.carrier.follow(tombstone)
    if followed is None and work.tombstone is None:
        raise SessionEnded(_ENDED)
    following = followed and followed[0]
    log = taken.log()
    if following and taken.rotate and taken.is_in(tombstone[0]):  # this very commit, and the answer was lost
        _land(work, values, taken, following[0], following[0].line)
    elif taken.rotate or log.sets_owner:
        await _log_in_again(work, values, taken, following, log)
    elif following is None:  # it was ended since, so that the id is as good as unknown
        await _begin_anew(work, values, taken, log)
    else:
        work.standing = Standing.MOVED
        if work.tombstone is None:
            await _write_behind(work, taken, tombstone, log)
        else:
            if not taken.is_behind:
                await _write_behind(work, taken, tombstone, log.functions_alone())
                taken.is_behind = True
                taken.hear()
            await _write_beside(work, taken, tombstone, log)


async def _log_in_again(work: Work, values: Values, taken: Taken, following: Loaded | None, log: Log) -> None:
    """A login with an id that was replaced a moment ago: two clicks, or a first answer that was lost.

    `following`: what follows, if it was not ended since.
    """
    if following and taken.was_done(following[0]):  # it took the record over, and the answer was lost
        work.tombstone = None
        _land(work, values, taken, following[0], following[0].line)
    elif following and _is_same_login(work, taken, following[1], log):
        # The same user: the new session is theirs, and the browser is told its id, perhaps once more.
        carried, content = following
        await _keep(work, values, taken, carried, False, log.replay(content), takes_over=True)
        work.tombstone = None
    else:
        if log:
            logger.warning("a login with an id that was replaced a moment ago began a new session")
        await _begin_anew(work, values, taken, log)


async def _begin_anew(work: Work, values: Values, taken: Taken, log: Log) -> None:
    if not log:
        work.standing = Standing.MOVED
        return
    begun = log.replay(Content())
    line = encode(begun)
    saved = await _begin(work, taken, line, begun.owner, begun.timeouts)
    _land(work, values, taken, saved, line)
    work.tombstone = None


def _is_same_login(work: Work, taken: Taken, content: Content, log: Log) -> bool:
    """Whether the user that logs in is the one that the session belongs to."""
    if taken.owner is not None or content.owner is not None:
        return taken.owner == content.owner
    said = {key: text for key, text in log.values.items() if key in work.login_keys and text is not None}
    return bool(said) and all(encode(content.data.get(key)) == text for key, text in said.items())


async def _write_behind(work: Work, taken: Taken, tombstone: Loaded, log: Log) -> None:
    """Do the changes to the record that follows, as if they had come just before the rotation."""
    retry = Retry()
    try:
        followed = await _followed(work, tombstone)
        for _ in range(MAX_TRIES):
            (carried, content), written = followed
            rest = log.before_a_rotation(written)
            if not rest or taken.was_done(carried):
                return
            if await _replace(work, taken, carried, rest.replay(content), content.owner):
                return
            followed = await _followed(work, tombstone)
            if taken.was_done(followed[0][0]):
                return
            if await retry.wait(carried.key):
                followed = await _followed(work, tombstone)
    finally:
        retry.end()
    raise WriteConflict(_CONFLICT)


async def _write_beside(work: Work, taken: Taken, tombstone: Loaded, log: Log) -> None:
    """Keep what a request with the old id has set, for other requests with the old id."""
    retry = Retry()
    try:
        for _ in range(MAX_TRIES):
            carried, content = tombstone
            if taken.was_done(carried):
                return
            if await _replace(work, taken, carried, log.replay(content), carried.record.owner):
                return
            tombstone = await _found(work, carried)
            if taken.was_done(tombstone[0]):
                return
            if await retry.wait(carried.key):
                tombstone = await _found(work, carried)
    finally:
        retry.end()
    raise WriteConflict(_CONFLICT)


async def _replace(work: Work, taken: Taken, carried: Carried, content: Content, owner: str | None) -> bool:
    """Write another session's record than the one that this request holds. False: others were faster."""
    record, line = carried.record, encode(content)
    changed = carried.rewritten(line, taken.named(), owner)
    _check_size(work, taken, changed, line)
    taken.send(carried)
    kept = await work.carrier.replace(carried.key, changed.record, expected=record.version)
    if kept:
        taken.hear()
    return kept


async def _begin(
    work: Work, taken: Taken, line: bytes, owner: str | None, timeouts: Timeouts | None
) -> Carried:
    now = time.time()
    lifetime = work.carrier.lifetime.of_session(owner, timeouts)
    stamp = stamped(now, lifetime)
    payload = b"".join((line, b"\n", taken.named(), b";", stamp))
    record = Record(payload, now, lifetime.first(now), owner=owner)
    _check_size(work, taken, Carried(record), line)
    taken.sent = True
    begun = await work.carrier.create(record, taken.drawn())
    taken.hear()
    work.born = True
    work.report("began", key=begun.key, owner=owner)
    if taken.authenticated:
        work.report("login", key=begun.key, owner=owner)
    return begun


async def _found(work: Work, carried: Carried) -> Loaded:
    """What other requests have left behind. Raises `SessionEnded` when that is nothing."""
    found = await work.carrier.find_again(carried)
    if found is None:
        raise SessionEnded(_ENDED)
    return found


async def _followed(work: Work, tombstone: Loaded) -> tuple[Loaded, set[str]]:
    """Where the session is now. Raises `SessionEnded` when it was ended since."""
    followed = await work.carrier.follow(tombstone)
    if followed is None:
        raise SessionEnded(_ENDED)
    return followed


def _land(work: Work, values: Values, taken: Taken, saved: Carried, line: bytes | None = None) -> None:
    """Go on with what was saved; `line` is its text, if others have written it since it was loaded."""
    if taken.life != work.life:
        _end_later(work, saved)
        return
    work.held, work.standing = saved, _LIVE
    if line is not None:
        adopt(work, values, line, taken.after)


def _end_later(work: Work, saved: Carried) -> None:
    """Another task of this request has ended the session while it was saved."""
    work.ending, work.pending, work.special = (*work.ending, saved), True, True


async def _check_that_it_lives(work: Work) -> Loaded | None:
    """What the store has of the session; None for a request without one. Raises `SessionEnded`."""
    if work.standing is Standing.ANONYMOUS:
        return None
    if work.standing is Standing.LIVE and work.held is not None:
        found = await work.carrier.find_again(work.held)
        if found is not None and found[1].moved is None:
            return found
        work.standing = Standing.ENDED if found is None else Standing.MOVED
    if work.standing is Standing.MOVED:
        raise SessionEnded("the session got a newer id from another request")
    raise SessionEnded(_ENDED)


def _note_extension(work: Work, before: Carried, after: Carried) -> None:
    """Whoever moved the expiry has told the browser; this request need not do it again (COOKIE-1)."""
    moved = before.record.expires_at != after.record.expires_at
    if moved and work.known is not None and work.known.id == after.id:
        work.known = after


def _let_go(work: Work, values: Values) -> None:
    """Of a session that another request has ended."""
    work.held = work.tombstone = None
    work.standing = Standing.ENDED
    work.drop_changes()
    work.let_be(values)


def _renewal(
    lifetime: Lifetime, taken: Taken, record: Record, extend: bool
) -> tuple[float, float, bytes] | None:
    """Birth, end and stamp of the session from now on; None if they stay as they are."""
    if not (taken.is_login or taken.sets_timeouts or taken.touch or extend):
        return None
    now, created_at, expires_at = time.time(), record.created_at, record.expires_at
    if taken.is_login:
        return now, lifetime.first(now), stamped(now, lifetime)
    if taken.sets_timeouts:
        return created_at, lifetime.from_now(created_at, now), stamped(now, lifetime)
    if taken.touch:
        end, last_activity = lifetime.renewed(created_at, expires_at, now), now
    else:
        end = lifetime.after_activity(created_at, expires_at, now)
        last_activity = now + lifetime.refresh_interval
    return None if end == expires_at else (created_at, end, stamped(last_activity, lifetime))


def _check_size(work: Work, taken: Taken, changed: Carried, line: bytes) -> None:
    """Raises `SessionTooLarge` for a content that is too large for the store (SAVE-8).

    What is too large for a cookie the response finds out itself, as it makes the cookie.
    """
    if len(line) > work.carrier.max_content:
        raise _too_large(len(line), work.carrier.max_content)
    if taken.asked:
        work.carrier.check(changed)


def _too_large(size: int, allowed: int) -> SessionTooLarge:
    return SessionTooLarge(
        f"the session takes {size} bytes as JSON, and {allowed} are allowed:"
        " keep less in it, or raise the store's max_bytes"
    )
