"""Which device groups somebody may see and act in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Either everything, or the listed device groups. Empty and not `everything` means nothing that has a device."""

    everything: bool
    group_ids: frozenset[int] = frozenset()

    def covers(self, group_id: int | None) -> bool:
        return self.everything or (group_id is not None and group_id in self.group_ids)

    def meets(self, group_ids: list[int] | None) -> bool:
        """Whether anything of a list of groups is visible; None stands for things that everyone may see."""
        return self.everything or group_ids is None or bool(self.group_ids.intersection(group_ids))
