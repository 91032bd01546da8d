"""`./soc demo`: plays the demo company into a running portal, or takes it out again."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.models import AuditEvent
from exercises.keys import DEMO
from exercises.services.play import DEFAULT_SEED, PlayingElsewhere, only_player, play_demo, stop_and_remove


class Command(BaseCommand):
    help = "Play the demo company: three attacks now, and the quarter before. Again: goes on where it was."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="another seed, another quarter")
        parser.add_argument("--no-history", action="store_true", help="the attacks only, without the quarter before")
        parser.add_argument("--remove", action="store_true", help="take everything of the demo out of the portal")
        parser.add_argument(
            "--unless-removed", action="store_true", help="do nothing when somebody has removed the demo before"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._begin = time.monotonic()
        if options["remove"]:
            self._remove()
            return
        if options["unless_removed"] and self._was_removed():
            self._say("was removed earlier; ./soc demo brings it back")
            return
        try:
            with only_player():
                exercise = play_demo(seed=options["seed"], with_history=not options["no_history"], say=self._say)
        except PlayingElsewhere:
            self._say("is being played already")
            return
        if exercise.seed != options["seed"]:
            self._say(f"goes on with its seed {exercise.seed}; --remove it first to play another")
        self._say("is complete")

    def _remove(self) -> None:
        try:
            counts = stop_and_remove(say=self._say)
        except PlayingElsewhere:
            self._say("is still being played; try again in a minute")
            return
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count)
        self._say(f"is removed: {told}" if told else "is not there")

    @staticmethod
    def _was_removed() -> bool:
        newest = AuditEvent.objects.filter(
            subject=f"exercise:{DEMO}", verb__in=["exercise.begun", "exercise.removed"]
        ).order_by("-at", "-id").first()  # fmt: skip
        return newest is not None and newest.verb == "exercise.removed"

    def _say(self, text: str) -> None:
        self.stdout.write(f"demo {time.monotonic() - self._begin:5.1f} s  {text}")
        self.stdout.flush()
