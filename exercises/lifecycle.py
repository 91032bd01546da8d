"""Where one play stands: `preparing` while the company is laid down, `playing`, `removing`."""

from core.lifecycle import Lifecycle

PREPARING, PLAYING, REMOVING = "preparing", "playing", "removing"
EXERCISE_STATE = Lifecycle(
    field="state",
    subject="exercise",
    moves={PREPARING: {PLAYING, REMOVING}, PLAYING: {REMOVING}, REMOVING: set()},
)
