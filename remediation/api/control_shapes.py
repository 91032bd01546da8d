"""States in force, drift and deeds on many, on the wire."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import Choice, Id, Moment, Text
from core.api.serializers import In, Out
from incidents.enums import EntityKind
from remediation.api.shapes import RunOut
from remediation.catalog import words
from remediation.enums import Facet
from remediation.models import ControlState
from remediation.services.bulk import MOST, Outcome
from remediation.services.reconcile import Proposal, Way
from remediation.services.request import MAX_COMMENT


class StateTargetOut(Out):
    kind = serializers.ChoiceField(EntityKind.choices)
    id = Id()


class ControlStateOut(Out):
    id = Id(source="pk")
    target = serializers.SerializerMethodField()
    facet = serializers.ChoiceField(Facet.choices)
    facet_key = serializers.CharField(help_text="The object within the facet: a file, a message, a rule.")
    desired = serializers.CharField(help_text="What the last action wanted.")
    observed = serializers.CharField(help_text="What was last seen; empty when nothing was.")
    in_force = serializers.SerializerMethodField()
    since = Moment()
    by = serializers.SerializerMethodField()
    run_id = serializers.SerializerMethodField()
    observed_at = Moment(allow_null=True)
    checked_at = Moment(allow_null=True, help_text="The last look, also when nothing could be seen.")
    drift_since = Moment(allow_null=True)
    detail = serializers.CharField(help_text="How what was seen differs, or why nothing could be seen.")

    @extend_schema_field(StateTargetOut)
    def get_target(self, state: ControlState) -> dict[str, str]:
        return {"kind": state.target_kind, "id": str(state.target_id)}

    def get_by(self, state: ControlState) -> str:
        """Who wanted it; empty where you may not see the run."""
        return state.by if state.run_id is None or self._is_seen(state) else ""

    def get_run_id(self, state: ControlState) -> str | None:
        """The run that wanted it; null where you may not see it."""
        return str(state.run_id) if self._is_seen(state) else None

    def _is_seen(self, state: ControlState) -> bool:
        return state.run_id in self.context["seen_runs"]

    def get_in_force(self, state: ControlState) -> bool:
        """Whether something is withheld there now, as last seen."""
        return words.means_in_force(state.facet, state.observed or state.desired)


class WayOut(Out):
    way = serializers.ChoiceField([Way.REAPPLY.value, Way.ACCEPT.value])
    why_not = serializers.CharField(help_text="Empty when the way is open to you.")


class ProposalOut(Out):
    """What would be done about one drift. Nothing is done until somebody posts to `reconcile`."""

    state = ControlStateOut()
    run_id = serializers.SerializerMethodField()
    proposal = serializers.ChoiceField([way.value for way in Way], source="way")
    why = serializers.CharField()
    ways = serializers.SerializerMethodField()
    effects = serializers.SerializerMethodField()
    needs_approval = serializers.SerializerMethodField()

    def get_run_id(self, found: Proposal) -> str:
        return str(found.run.pk)

    @extend_schema_field(WayOut(many=True))
    def get_ways(self, found: Proposal) -> list[dict[str, Any]]:
        return [{"way": way.value, "why_not": found.why_not.get(way, "")} for way in (Way.REAPPLY, Way.ACCEPT)]

    def get_effects(self, found: Proposal) -> list[str]:
        return list(found.asks.effects) if found.asks else []

    def get_needs_approval(self, found: Proposal) -> bool:
        return bool(found.asks and found.asks.needs_approval)


class PlanOut(Out):
    results = ProposalOut(many=True)
    next = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()


class ReconciledOut(Out):
    """`run` is the request that was made; null when what was seen was only written down as wanted."""

    state = ControlStateOut()
    run = RunOut(allow_null=True)


class ReconcileIn(In):
    answer = ReconciledOut
    way = Choice([(Way.REAPPLY.value, "Ask again"), (Way.ACCEPT.value, "Accept what was seen")])
    comment = Text(max_length=MAX_COMMENT, help_text="The reason.")


class OutcomeOut(Out):
    id = serializers.SerializerMethodField()
    ok = serializers.BooleanField()
    code = serializers.CharField(help_text="Of a refusal.")
    message = serializers.CharField()
    run_id = serializers.SerializerMethodField()

    def get_id(self, one: Outcome) -> str:
        return str(one.run_id)

    def get_run_id(self, one: Outcome) -> str | None:
        """The run afterwards: of an undo the second one."""
        return str(one.run.pk) if one.run else None


class BulkOut(Out):
    results = OutcomeOut(many=True)
    done = serializers.IntegerField()
    refused = serializers.IntegerField()


class BulkIn(In):
    answer = BulkOut
    ids = serializers.ListField(child=Id(), min_length=1, max_length=MOST)
    comment = Text(max_length=MAX_COMMENT, allow_blank=True, required=False)
