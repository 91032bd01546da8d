"""Administration: what stays open to isolated devices, and what may start on restricted ones."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import DeviceGroup
from core.htmx import done
from remediation.agent_rule_forms import IsolationRuleForm, TrustedProgramsForm
from remediation.forms import ReasonForm
from remediation.models import IsolationRule, TrustedPrograms
from remediation.services.agent_rules import remove_isolation_rule, save_isolation_rule, set_trusted_programs


@requires(keys.MANAGE_SETTINGS)
def agent_rules(request: AccountRequest) -> HttpResponse:
    names = dict(DeviceGroup.objects.values_list("pk", "name"))
    rules = [{"rule": one, "groups": [names[pk] for pk in one.device_group_ids if pk in names]}
             for one in IsolationRule.objects.all()]  # fmt: skip
    kept = {one.device_group_id: one for one in TrustedPrograms.objects.all()}
    groups = DeviceGroup.objects.filter(retired=False).order_by("is_default", "rank")
    trusted = [{"group": group, "kept": kept.get(group.pk)} for group in groups]
    return render(request, "remediation/agent_rules.html", {"rules": rules, "trusted": trusted})


@requires(keys.MANAGE_SETTINGS)
def new_isolation_rule(request: AccountRequest) -> HttpResponse:
    return _edit(request, IsolationRule(networks=[]))


@requires(keys.MANAGE_SETTINGS)
def edit_isolation_rule(request: AccountRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(IsolationRule, pk=pk))


def _edit(request: AccountRequest, rule: IsolationRule) -> HttpResponse:
    form = IsolationRuleForm.of(rule, request.POST or None)
    title = f"Isolation exclusion {rule}" if rule.pk else "New isolation exclusion"
    if request.method == "POST" and form.is_valid():
        try:
            save_isolation_rule(rule, actor=request.actor, **form.wanted)
        except ValidationError as error:
            _put(form, error)
        else:
            return done(request, f"{rule} saved", back=reverse("remediation:agent_rules"), leave=True)
    return _dialog(request, form, title=title, verb="Save")


@requires(keys.MANAGE_SETTINGS)
def delete_isolation_rule(request: AccountRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(IsolationRule, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        title = f"{rule} removed"
        remove_isolation_rule(rule, actor=request.actor, reason=form.cleaned_data["reason"])
        return done(request, title, back=reverse("remediation:agent_rules"), leave=True)
    return _dialog(request, form, title=f"Remove {rule}", verb="Remove", danger=True)


@requires(keys.MANAGE_SETTINGS)
def edit_trusted(request: AccountRequest, group_id: int) -> HttpResponse:
    group = get_object_or_404(DeviceGroup, pk=group_id, retired=False)
    kept = TrustedPrograms.objects.filter(device_group=group).first()
    form = TrustedProgramsForm.of(kept, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            set_trusted_programs(group, **form.wanted, actor=request.actor)
        except ValidationError as error:
            _put(form, error)
        else:
            title = f"Trusted programs of {group} set"
            return done(request, title, back=reverse("remediation:agent_rules"), leave=True)
    return _dialog(request, form, title=f"Trusted programs of {group}", verb="Save")


def _put(form: Any, error: ValidationError) -> None:
    named = getattr(error, "error_dict", {None: error})
    for field, told in named.items():
        form.add_error(field if field in form.fields else None, told)


def _dialog(request: AccountRequest, form: Any, **words: Any) -> HttpResponse:
    context = {"form": form, "back": reverse("remediation:agent_rules"), **words}
    return render(request, "remediation/brake_form.html", context, status=422 if form.errors else 200)
