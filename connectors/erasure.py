"""What the reasons of stops say of somebody who is erased."""

from connectors.models import Halt
from core import erasure


def declare_parts() -> None:
    erasure.part("user", "stops", lambda person: erasure.scrub_naming(Halt, ("reason", "ended_reason"), person))
