"""What happens to a person when a promise does not hold: the groups of the comparison."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    title: str
    sentence: str
    promises: tuple[str, ...]

    @property
    def anchor(self) -> str:
        return self.title.lower().replace(" ", "-").replace("'", "")


EFFECTS = (
    Effect(
        "Logged out",
        "Somebody is logged out who did not ask for it.",
        ("ROT-2", "ROT-6", "EXP-2", "SEC-2", "BAD-1", "BAD-2", "SAVE-5", "SAVE-7"),
    ),
    Effect(
        "Somebody else's session",
        "Somebody gets into another person's session, or sees another person's page.",
        ("NEW-2", "ROT-1", "ROT-3", "SEC-1", "SEC-3", "COOKIE-2", "COOKIE-5", "COOKIE-6"),
    ),
    Effect(
        "Lost write",
        "What was written is not there, or half of what failed is.",
        (
            *("CONC-1", "CONC-2", "CONC-3", "CONC-5", "CONC-6", "OBJ-1", "OBJ-2", "OBJ-4", "OBJ-7", "ROT-5"),
            *("SAVE-1", "SAVE-2", "SAVE-3", "SAVE-4", "SAVE-6", "SEAL-2", "SEAL-4", "SEAL-5", "BAD-3"),
        ),
    ),
    Effect(
        "Lost message",
        "A message for one read, such as “Saved.”, is never read, or read twice.",
        ("FLASH-1", "FLASH-2", "FLASH-3", "FLASH-4"),
    ),
    Effect(
        "Cannot log out",
        "A session goes on after the logout, or after its end.",
        (
            *("OUT-1", "OUT-2", "OUT-3", "OUT-4", "COOKIE-3", "COOKIE-4", "OBJ-6"),
            *("EXP-1", "EXP-3", "EXP-4", "EXP-7", "OWN-1", "OWN-2"),
        ),
    ),
    Effect(
        "Needless cookies",
        "Visitors get cookies that say nothing new; no shared cache may keep such a page.",
        ("NEW-1", "COOKIE-1"),
    ),
)
LIMITS = ("ROT-4", "CONC-4")
"""They say what cannot be had, and no library breaks them."""


def effect_of() -> Mapping[str, Effect]:
    """By the promise's id."""
    return {promise: effect for effect in EFFECTS for promise in effect.promises}
