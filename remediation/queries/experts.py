from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User
    from remediation.models import ExpertRequest  # noqa: F401 - named in the base class

SUBJECTS = {"incident": "Incident", "alert": "Alert", "device": "Device", "file": "File"}


class ExpertRequestQuerySet(models.QuerySet["ExpertRequest"]):
    def of_person(self, user: "User") -> Self:
        """Those that this person asked, or is asked."""
        return self.filter(Q(asker=user) | Q(expert=user) | Q(group__members=user)).distinct()

    def visible_to(self, user: "User") -> Self:
        """Own questions, those one is asked (whatever one's scope: only what was shared is in them), and those about a
        thing that one may see. What was shared is for the first two alone (`shared_with`)."""
        if not user.holds("security_data.read"):
            return self.none()
        about = Q()
        for kind, model in SUBJECTS.items():
            rows: Any = apps.get_model("incidents", model).objects.all()
            about |= Q(subject_kind=kind, subject_id__in=rows.visible_to(user).values("pk"))
        incidents: Any = apps.get_model("incidents", "Incident").objects.all()
        in_sight = Q(incident=None) | Q(incident__in=incidents.visible_to(user))
        concerned = Q(asker=user) | Q(expert=user) | Q(group__in=user.expert_groups.all())
        # Restricted since it was asked: from then on it is for the named people, whoever was asked.
        return self.filter(concerned | (about & in_sight)).exclude(incident__in=incidents.hidden_from(user))

    def shared_with(self, user: "User") -> Self:
        """Of those that this person sees, those whose shared blocks are for their eyes: the asker chose them for who is
        asked, out of what the asker sees."""
        return self.visible_to(user).filter(pk__in=self.model._default_manager.of_person(user).values("pk"))

    def to_answer(self, user: "User") -> Self:
        """Those that wait for an answer of this person."""
        asked = Q(expert=user) | Q(group__in=user.expert_groups.all())
        incidents: Any = apps.get_model("incidents", "Incident").objects.all()
        return self.filter(asked, status="open").exclude(asker=user).exclude(incident__in=incidents.hidden_from(user))
