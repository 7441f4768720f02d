"""Keep Python's garbage collector away from what stays until the end of the run."""

import gc


def after_collection() -> None:
    """What pytest has collected stays, so that looking through it for garbage is in vain."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
