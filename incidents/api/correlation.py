"""`/correlation-rules` and `/correlation-changes`: how alerts are joined, trials, and what people taught."""

from dataclasses import asdict, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, step_up
from core.api.errors import invalid
from core.api.fields import MAX_ID_DIGITS
from core.api.views import ApiViewSet
from incidents.api.correlation_shapes import (
    CorrelationChangeNew,
    CorrelationChangeOut,
    CorrelationRuleOut,
    CorrelationRulesOut,
    Decision,
    LessonTried,
    Lifted,
    OffersOut,
    OptionsTried,
    RuleSet,
    TrialOut,
)
from incidents.correlation.rules import RULES, Rule
from incidents.enums import TaughtKind, TaughtState
from incidents.lessons import Offer, offers_of
from incidents.models import Alert, CorrelationChange, CorrelationLink
from incidents.rule_figures import RuleFigures, figures_of_rules
from incidents.services.set_rule import options_of, options_that_change, set_options
from incidents.services.teach_correlation import TEACH, Lesson, decide, lift, teach, within_scope
from incidents.services.try_correlation import limits_with, try_limits


class CorrelationRuleViewSet(ApiViewSet):
    """The rules by which alerts are joined, the weightiest first."""

    serializer_class = CorrelationRuleOut
    pagination_class = None
    filter_backends = ()
    lookup_value_regex = "[a-z_]{1,40}"
    required_permissions = {
        "list": keys.TUNE_DETECTION,
        "retrieve": keys.TUNE_DETECTION,
        "update": keys.TUNE_DETECTION,
        "try_options": keys.TUNE_DETECTION,
    }

    @extend_schema(responses=CorrelationRulesOut)
    def list(self, _request: Request) -> Response:
        """All of them, with what they did in the last 30 days."""
        rows = [_as_row(row) for row in figures_of_rules(self.user)]
        return Response(CorrelationRulesOut({"results": rows, "next": None, "count": len(rows)}).data)

    @extend_schema(responses=CorrelationRuleOut, parameters=[OpenApiParameter("id", str, OpenApiParameter.PATH)])
    def retrieve(self, _request: Request, pk: str) -> Response:
        rule = _rule(pk)
        row = next(row for row in figures_of_rules(self.user) if row.in_force.rule is rule)
        return Response(CorrelationRuleOut(_as_row(row)).data)

    @extend_schema(request=RuleSet, responses=CorrelationRuleOut)
    def update(self, request: Request, pk: str) -> Response:
        """Set a rule for alerts that come; what is left out stays as it is."""
        rule = _rule(pk)
        step_up.require(request, TEACH)
        wanted = self.body(RuleSet)
        named = zip(("on", "window_hours", "weight"), options_of(rule), strict=True)
        changes = {key: wanted[name] for name, key in named if name in wanted}
        set_options(changes, reason=wanted["reason"], actor=self.actor)
        return self.retrieve(request, pk)

    @extend_schema(request=OptionsTried, responses=TrialOut)
    @action(detail=False, methods=["post"], url_path="try")
    def try_options(self, _request: Request) -> Response:
        """What the last 30 days would have become with other options of rules and thresholds. Changes nothing."""
        wanted = options_that_change(self.body(OptionsTried)["options"])
        return _tried(self, wanted)


def _rule(key: str) -> Rule:
    if key not in RULES:
        raise Http404("rule")
    return RULES[key]


def _as_row(row: RuleFigures) -> dict[str, Any]:
    rule = row.in_force.rule
    return {
        "key": rule.key, "label": rule.label, "sentence": rule.sentence, "reason": rule.reason, "on": row.in_force.on,
        "window_hours": int(row.in_force.window.total_seconds() // 3600), "weight": row.in_force.weight,
        "joins": row.joins, "undone": row.undone, "last_join": row.last, "taught": row.taught,
    }  # fmt: skip


def _tried(
    view: ApiViewSet, options: dict[str, Any], lesson: Lesson | None = None, exercise: str | None = None
) -> Response:
    also = [lesson.exclusion] if lesson and lesson.exclusion else []
    trial = try_limits(limits_with(options, also=also), user=view.user, exercise=exercise)
    return Response(TrialOut(trial.as_json()).data)


class CorrelationChangeFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=TaughtState.choices)
    kind = filters.ChoiceFilter(choices=TaughtKind.choices)
    rule = filters.CharFilter(max_length=40)


class CorrelationChangeViewSet(ApiViewSet):
    """What people taught: exclusions, hubs and options, proposed, in force, declined or lifted."""

    queryset = CorrelationChange.objects.none()
    serializer_class = CorrelationChangeOut
    filterset_class = CorrelationChangeFilters
    required_permissions = {
        "list": keys.MANAGE_ALERTS,
        "retrieve": keys.MANAGE_ALERTS,
        "create": keys.MANAGE_ALERTS,
        "offers": keys.MANAGE_ALERTS,
        "try_lesson": keys.MANAGE_ALERTS,
        "decide": keys.TUNE_DETECTION,
        "lift": keys.TUNE_DETECTION,
    }

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.action == "offers":
            self.query_parameters = ("alert",)
        super().initial(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[CorrelationChange]:
        return CorrelationChange.objects.visible_to(self.user)

    @extend_schema(request=CorrelationChangeNew, responses={201: CorrelationChangeOut})
    def create(self, request: Request) -> Response:
        """Teach one of the offers of an alert; who may not tune detection proposes it."""
        wanted = self.body(CorrelationChangeNew)
        if self.user.holds(keys.TUNE_DETECTION):
            step_up.require(request, TEACH)
        alert = self._alert(wanted["alert"])
        change = teach(
            self._lesson(alert, wanted), reason=wanted["reason"], expires=wanted.get("expires"), alert=alert,
            user=self.user, actor=self.actor,
        )  # fmt: skip
        return self.show(change, status=201)

    @extend_schema(responses=OffersOut, parameters=[OpenApiParameter("alert", str, required=True)])
    @action(detail=False, methods=["get"])
    def offers(self, request: Request) -> Response:
        """What may be taught from the reasons for which an alert is where it is, or was."""
        text = request.query_params.get("alert", "")
        if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS):
            raise invalid("Name an alert by its id.", field="alert")
        links = self._alert(int(text)).links.all()
        rows = [
            {"link_id": link.pk, "kind": offer.lesson.kind, **asdict(offer)} for link in links
            for offer in offers_of(link)
        ]  # fmt: skip
        return Response(OffersOut({"results": rows}).data)

    @extend_schema(request=LessonTried, responses=TrialOut)
    @action(detail=False, methods=["post"], url_path="try")
    def try_lesson(self, _request: Request) -> Response:
        """What the last 30 days would have become. Changes nothing."""
        wanted = self.body(LessonTried)
        alert = self._alert(wanted["alert"])
        lesson = self._lesson(alert, wanted)
        return _tried(self, lesson.options, lesson, alert.exercise)

    @extend_schema(request=Decision, responses=CorrelationChangeOut)
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: str) -> Response:
        """Accept or decline a proposal."""
        change = self.get_object()
        step_up.require(request, TEACH)
        wanted = self.body(Decision)
        return self.show(
            decide(change, accept=wanted["accept"], reason=wanted["reason"], actor=self.actor, user=self.user)
        )  # fmt: skip

    @extend_schema(request=Lifted, responses=CorrelationChangeOut)
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """The thing or pair counts again for alerts that come."""
        change = self.get_object()
        step_up.require(request, TEACH)
        return self.show(lift(change, reason=self.body(Lifted)["reason"], actor=self.actor, user=self.user))

    def _alert(self, pk: int) -> Alert:
        return get_object_or_404(Alert.objects.visible_to(self.user).with_reasons(self.user), pk=pk)

    def _lesson(self, alert: Alert, wanted: dict[str, Any]) -> Lesson:
        link: CorrelationLink | None = next((one for one in alert.links.all() if one.pk == wanted["link"]), None)
        if link is None:
            raise Http404("link")
        offer = next((one for one in offers_of(link) if one.key == wanted["offer"]), None)
        if offer is None:
            raise ValidationError({"offer": "That cannot be taught from this reason."})
        lesson = replace(_with_value(offer, wanted.get("value")), groups=tuple(wanted.get("device_group_ids", ())))
        return within_scope(lesson, self.user)


def _with_value(offer: Offer, value: int | None) -> Lesson:
    if not offer.option:
        return offer.lesson
    if value is None or value == offer.present:
        raise ValidationError({"value": "A value other than the present one is needed."})
    return replace(offer.lesson, value=value, shown=f"{offer.label}, then {value}").checked()
