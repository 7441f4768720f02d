"""Look after a store from the command line: `python -m sessions`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence

import anyio

from sessions import __version__
from sessions._command_line import ExitCode, check_arguments, opened, parser, reads_records
from sessions._commands import NoSuchSession
from sessions._progress import Progress
from sessions.errors import SessionError, StoreUnavailable
from sessions.stores import Store
from sessions.stores.encrypted import check_readable


def main(arguments: Sequence[str] | None = None) -> int:
    """Whatever goes wrong is one line on stderr, and an exit code."""
    try:
        check_arguments(sys.argv[1:] if arguments is None else arguments)
        options = parser(__version__).parse_args(arguments)
        anyio.run(_run, opened(options), options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _told("interrupted", ExitCode.INTERRUPTED)
    except NoSuchSession as fault:
        return _told(fault, ExitCode.NO_SUCH_SESSION)
    except StoreUnavailable as fault:
        return _told(fault, ExitCode.UNAVAILABLE)
    except OSError as fault:
        _write_no_more()
        if isinstance(fault, BrokenPipeError):
            return ExitCode.BROKEN_PIPE
        return _told(fault, ExitCode.CANNOT)
    except (ValueError, ImportError, NotImplementedError, SessionError) as fault:
        return _told(fault, ExitCode.CANNOT)
    return ExitCode.DONE


async def _run(store: Store, options: argparse.Namespace) -> None:
    progress = Progress(sys.stderr, options.name)
    fault: Exception | None = None
    interrupted = True
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(progress.show)
            tasks.start_soon(_stop_at_ctrl_c, tasks.cancel_scope)
            try:
                await _answer(store, options, progress)
            except Exception as raised:  # a task group would wrap it
                fault = raised
            interrupted = tasks.cancel_scope.cancel_called
            tasks.cancel_scope.cancel()
    finally:
        progress.clear()
        with anyio.CancelScope(shield=True):
            await store.close()
    if interrupted:
        raise KeyboardInterrupt
    if fault is not None:
        raise fault


async def _stop_at_ctrl_c(scope: anyio.CancelScope) -> None:
    """A scope cancels until its tasks have ended. What `anyio.run` does itself at Ctrl-C cancels once, and
    a client that takes that for an error of the network would go on."""
    with contextlib.suppress(NotImplementedError), anyio.open_signal_receiver(signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()


async def _answer(store: Store, options: argparse.Namespace, progress: Progress) -> None:
    if reads_records(options):
        await check_readable(store)
    async for line in options.command(store, options, progress):
        if options.json and line.data is None:
            continue
        progress.clear()
        print(json.dumps(line.data) if options.json else line.text)  # noqa: T201


def _told(fault: object, code: ExitCode) -> ExitCode:
    print(f"sessions: {fault}", file=sys.stderr)  # noqa: T201
    return code


def _write_no_more() -> None:
    """What is still to be written goes nowhere. Else Python would try once more at its end, and complain (its
    documentation, "Note on SIGPIPE")."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
