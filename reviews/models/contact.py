from datetime import date
from typing import TYPE_CHECKING

from django.db import models

from core import clock
from reviews.enums import DecisionKind
from reviews.queries import ContactQuerySet

if TYPE_CHECKING:
    from accounts.models import User


class Contact(models.Model):
    """Who decides, and who in their place. A person of the portal is named by their account, anybody else by `name`;
    `words` say what is decided where the kind does not. `reviewed` is when somebody last made sure that it is so."""

    decision = models.CharField(max_length=20, choices=DecisionKind.choices)
    words = models.CharField(max_length=200, blank=True)
    person: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=120, blank=True)
    phone = models.CharField(max_length=60, blank=True)
    mail = models.EmailField(blank=True)
    deputy: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    deputy_name = models.CharField(max_length=120, blank=True)
    deputy_phone = models.CharField(max_length=60, blank=True)
    deputy_mail = models.EmailField(blank=True)
    note = models.CharField(max_length=500, blank=True)
    reviewed = models.DateField()
    created = models.DateTimeField(default=clock.now)
    updated = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = ContactQuerySet.as_manager()

    class Meta:
        ordering = ["decision", "id"]

    def __str__(self) -> str:
        return self.words or str(self.get_decision_display())

    @property
    def decider(self) -> str:
        return str(self.person) if self.person else self.name

    @property
    def stand_in(self) -> str:
        return str(self.deputy) if self.deputy else self.deputy_name

    @property
    def reaches(self) -> str:
        return "; ".join(filter(None, [self.phone, self.mail or (self.person.email if self.person else "")]))

    @property
    def reaches_deputy(self) -> str:
        return "; ".join(
            filter(None, [self.deputy_phone, self.deputy_mail or (self.deputy.email if self.deputy else "")])
        )

    def gaps(self, today: date, *, days: int) -> list[str]:
        """What is wrong with it now, the worst first; empty when it can be relied on."""
        found = []
        if not self.decider:
            found.append("Nobody is named")
        elif self.person and not self.person.is_active:
            found.append(f"{self.person} was switched off")
        elif not self.reaches:
            found.append("Neither telephone nor mail")
        if not self.stand_in:
            found.append("No deputy")
        elif self.deputy and not self.deputy.is_active:
            found.append(f"The deputy {self.deputy} was switched off")
        elif not self.reaches_deputy:
            found.append("The deputy has neither telephone nor mail")
        if (today - self.reviewed).days > days:
            found.append(f"Last reviewed {self.reviewed.day} {self.reviewed:%b %Y}")
        return found

    @property
    def can_be_asked(self) -> bool:
        """Whether at night there is somebody to reach at all: the decider, or the deputy."""
        first = bool(self.decider and self.reaches) and not (self.person and not self.person.is_active)
        second = bool(self.stand_in and self.reaches_deputy) and not (self.deputy and not self.deputy.is_active)
        return first or second
