"""Who does a thing. Frozen into audit rows, because people leave and names change."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    PERSON = "person"
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, an API token or a named part of the system.

    `person_id` is the user whose rights count: the person, or the person or service account a token belongs to.
    Four-eyes compares `person_id`, so a token made by a person counts as that person.
    """

    kind: ActorKind
    id: str
    name: str
    person_id: int | None = None
    # Under which the history keeps the name; frozen copies do without.
    name_key: UUID | None = field(default=None, repr=False, compare=False)

    @classmethod
    def system(cls, name: str) -> "Actor":
        """A named system actor such as `correlation` or `clock`."""
        return cls(ActorKind.SYSTEM, name, name)

    def as_json(self) -> dict[str, str | int | None]:
        return {"kind": self.kind.value, "id": self.id, "name": self.name, "person_id": self.person_id}

    @classmethod
    def from_json(cls, data: dict[str, str | int | None]) -> "Actor":
        person = data.get("person_id")
        return cls(ActorKind(str(data["kind"])), str(data["id"]), str(data["name"]), int(person) if person else None)
