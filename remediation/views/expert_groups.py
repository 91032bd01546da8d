"""Administration: the groups of experts that may be asked."""

from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import audit
from core.htmx import done
from remediation.expert_forms import ExpertGroupForm
from remediation.models import ExpertGroup


@require_safe
@requires(keys.MANAGE_SETTINGS)
def group_list(request: AccountRequest) -> HttpResponse:
    groups = (
        ExpertGroup.objects.prefetch_related("members")
        .order_by("retired", "name")
        .annotate(active=Count("members", filter=Q(members__is_active=True)))
    )
    return render(request, "remediation/expert_groups.html", {"groups": groups})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_SETTINGS)
def edit_group(request: AccountRequest, pk: int | None = None) -> HttpResponse:
    """A new group, or one that is there."""
    group = get_object_or_404(ExpertGroup, pk=pk) if pk is not None else None
    form = ExpertGroupForm(request.POST or None, instance=group)
    back = reverse("remediation:expert_groups")
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            saved = form.save()
            data = {"name": saved.name, "members": sorted(saved.members.values_list("pk", flat=True))}
            verb = "expert_group.changed" if group else "expert_group.made"
            audit.record(verb, subject=f"expert_group:{saved.pk}", actor=request.user.actor, data=data)
        return done(request, f"{saved.name} saved", back=back, leave=True)
    context = {"form": form, "group": group, "back": back, "verb": "Save"}
    return render(request, "remediation/expert_group_form.html", context, status=422 if form.errors else 200)
