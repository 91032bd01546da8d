"""What people need before the bad night: a second factor, roles that demand one, and a second administrator."""

from collections.abc import Sequence

from accounts import keys
from accounts.enums import UserKind
from accounts.models import LinkedIdentity, Role, User
from accounts.services.factors import main_factors
from core.readiness import Check, Finding, Group, Look, Row, State, declare, listed
from core.wording import counted

# Whoever holds one of these can do harm that a stolen password must not be enough for.
STRONG = frozenset(
    {
        keys.DECIDE_RESPONSE,
        keys.DECIDE_PROTECTED,
        keys.APPROVE_ALONE,
        keys.MANAGE_AUTHORIZATION,
        keys.MANAGE_SYSTEM,
        keys.MANAGE_SETTINGS,
    }
)


def people() -> list[User]:
    return list(User.objects.filter(is_active=True, kind=UserKind.PERSON).prefetch_related("roles"))


def _second_factors(_look: Look) -> Finding:
    team = people()
    lacking = _without_factor(team)
    asked = [one for one in lacking if any(role.needs_second_factor for role in one.roles.all())]
    strong = [one for one in lacking if one.permission_keys & STRONG]
    have = len(team) - len(lacking)
    rows, more = listed([
        Row(str(one), "A role demands it" if one in asked else "Strong rights" if one in strong else "",
            f"/admin/users/{one.pk}/")
        for one in sorted(lacking, key=lambda one: (one not in asked, one not in strong, str(one).casefold()))
    ])  # fmt: skip
    state = State.OK if not lacking else State.MISSING if asked or strong else State.WARN
    sentence = f"{have} of {counted(len(team), 'person', 'people')} sign in with a second factor."
    if asked or strong:
        sentence += f" {counted(len({*asked, *strong}), 'person', 'people')} with strong rights or the duty to do not."
    return Finding(state, sentence, have, len(team), rows, more)


def _without_factor(team: Sequence[User]) -> list[User]:
    """Nor does a provider vouch for one that it asks for."""
    guarded = set(main_factors().filter(user__in=team).values_list("user_id", flat=True))
    vouched = LinkedIdentity.objects.filter(user__in=team, provider__enabled=True).exclude(provider__factor_values=[])
    guarded |= set(vouched.values_list("user_id", flat=True))
    return [one for one in team if one.pk not in guarded]


def _roles(_look: Look) -> Finding:
    held = [role for role in Role.objects.filter(users__is_active=True).distinct() if STRONG & set(role.permissions)]
    lax = [role for role in held if not role.needs_second_factor]
    rows, more = listed([Row(role.name, "Does not demand a second factor", "/admin/roles/") for role in lax])
    fine = len(held) - len(lax)
    state = State.OK if not lax else State.WARN if fine else State.MISSING
    sentence = f"{fine} of {counted(len(held), 'role')} with strong rights demand a second factor."
    return Finding(state, sentence, fine, len(held), rows, more)


def _administrators(_look: Look) -> Finding:
    found = [one for one in people() if one.holds(keys.MANAGE_AUTHORIZATION)]
    rows, more = listed([Row(str(one), "", f"/admin/users/{one.pk}/") for one in found])
    state = State.OK if len(found) > 1 else State.WARN if found else State.MISSING
    sentence = f"{counted(len(found), 'person', 'people')} can give and take rights."
    if len(found) == 1:
        sentence = "Only one person can give and take rights; nobody stands in."
    return Finding(state, sentence, min(len(found), 2), 2, rows, more)


def declare_checks() -> None:
    authorization = keys.MANAGE_AUTHORIZATION
    declare(Check(
        "second_factors", "Second factor for everybody", Group.PEOPLE,
        "A password that was phished opens the portal that can isolate the company.",
        _second_factors, "/admin/users/", "People", authorization, rows_for=authorization, order=20,
    ))  # fmt: skip
    declare(Check(
        "roles_demand", "Strong roles demand a second factor", Group.PEOPLE,
        "What a role does not demand depends on everybody remembering it.",
        _roles, "/admin/roles/", "Roles", authorization, order=30,
    ))  # fmt: skip
    declare(Check(
        "second_administrator", "A second administrator", Group.PEOPLE,
        "When the only administrator is away, nobody can let a replacement in.",
        _administrators, "/admin/users/", "People", authorization, rows_for=authorization, order=40,
    ))  # fmt: skip
