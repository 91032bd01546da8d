"""Nobody gives away what they do not hold, and somebody who can administer always remains."""

import pytest
from django.core.exceptions import ValidationError

from accounts import keys
from accounts.enums import BuiltInRole, ScopeKind
from accounts.models import DeviceGroup, Role, User
from accounts.services import people
from accounts.services.passwords import reset_password
from accounts.services.roles import create_role, delete_role, update_role
from core.actors import Actor
from core.models import AuditEvent
from tests.factories.people import DeviceGroupFactory, person

SYSTEM = Actor.system("test")


def role(key: str) -> Role:
    return Role.objects.get(key=key)


@pytest.fixture
def clerk(db: None) -> User:
    """Holds the right to administer people and nothing else."""
    narrow = create_role("Clerk", permissions=[keys.MANAGE_AUTHORIZATION, keys.READ, keys.MAIL_METADATA], actor=SYSTEM)
    clerk = person("clerk", "reader")
    clerk.roles.set([narrow])
    return clerk


def test_a_clerk_cannot_make_an_administrator(clerk: User) -> None:
    with pytest.raises(ValidationError, match="cannot grant rights"):
        people.create_user("new", display_name="New", roles=[role("admin")], actor=clerk.actor)


def test_a_clerk_cannot_give_themselves_more(clerk: User) -> None:
    with pytest.raises(ValidationError):
        people.set_roles(clerk, roles=[role("admin")], actor=clerk.actor)


def test_a_clerk_cannot_draw_a_password_of_somebody_who_holds_more(clerk: User, adam: User) -> None:
    with pytest.raises(ValidationError, match="holds rights that you do not hold"):
        reset_password(adam, actor=clerk.actor)


def test_a_clerk_cannot_widen_a_role_beyond_their_own_rights(clerk: User) -> None:
    mine = create_role("Mine", permissions=[keys.READ], actor=SYSTEM)
    with pytest.raises(ValidationError):
        update_role(mine, name="Mine", permissions=[keys.READ, keys.DECIDE_RESPONSE], actor=clerk.actor)


def test_a_scope_beyond_ones_own_cannot_be_given(clerk: User, ada: User, elsewhere: DeviceGroup) -> None:
    people.set_scope(clerk, scope_kind=ScopeKind.SELECTED, device_groups=[elsewhere], actor=SYSTEM)
    reader = person("reader", "reader", groups=[elsewhere])
    with pytest.raises(ValidationError, match="do not see all"):
        people.set_scope(reader, scope_kind=ScopeKind.ALL, device_groups=[], actor=clerk.actor)
    beyond = [DeviceGroupFactory.create(name="Beyond")]
    with pytest.raises(ValidationError, match="outside your own scope"):
        people.set_scope(reader, scope_kind=ScopeKind.SELECTED, device_groups=beyond, actor=clerk.actor)


def test_the_last_administrator_can_neither_be_demoted_nor_switched_off(adam: User) -> None:
    other = person("other", "admin")
    people.deactivate_user(adam, actor=other.actor)
    with pytest.raises(ValidationError, match="last active administrator"):
        people.set_roles(other, roles=[role("reader")], actor=SYSTEM)
    with pytest.raises(ValidationError, match="last active administrator"):
        people.deactivate_user(other, actor=SYSTEM)
    with pytest.raises(ValidationError, match="last active administrator"):
        people.set_scope(other, scope_kind=ScopeKind.SELECTED, device_groups=[], actor=SYSTEM)
    other.refresh_from_db()
    assert other.is_active
    assert list(other.roles.all()) == [role("admin")]


def test_nobody_switches_themselves_off(adam: User) -> None:
    person("other", "admin")
    with pytest.raises(ValidationError, match="cannot switch yourself off"):
        people.deactivate_user(adam, actor=adam.actor)


def test_built_in_roles_cannot_be_changed_or_deleted(adam: User) -> None:
    for verb in (
        lambda r: update_role(r, name="X", permissions=[], actor=adam.actor),
        lambda r: delete_role(r, actor=adam.actor),
    ):
        with pytest.raises(ValidationError, match="built in"):
            verb(role("analyst"))


def test_a_role_that_somebody_holds_is_not_deleted(adam: User, clerk: User) -> None:
    with pytest.raises(ValidationError, match="1 person holds"):
        delete_role(Role.objects.get(key="clerk"), actor=adam.actor)


def test_a_role_grants_registered_rights_only(adam: User) -> None:
    with pytest.raises(ValidationError, match="Unknown"):
        create_role("Odd", permissions=["made.up"], actor=adam.actor)


def test_a_user_name_is_taken_in_any_case(adam: User, ada: User) -> None:
    with pytest.raises(ValidationError, match="taken"):
        people.create_user("ADA", display_name="Other", roles=[role("reader")], actor=adam.actor)


def test_a_change_of_rights_is_audited_with_old_and_new(adam: User, ada: User) -> None:
    people.set_roles(ada, roles=[role("responder")], actor=adam.actor, reason="Moved to the night shift")
    event = AuditEvent.objects.get(verb="user.roles")
    assert event.changes == {"roles": [["Analyst"], ["Responder"]]}
    assert (event.actor_name, event.reason) == ("Adam Novak", "Moved to the night shift")


def test_a_changed_role_holds_at_once(adam: User, ada: User) -> None:
    people.set_roles(ada, roles=[role("responder")], actor=adam.actor)
    assert ada.holds(keys.DECIDE_RESPONSE)


def test_the_built_in_roles_hold_what_the_matrix_says(db: None) -> None:
    held = {one.key: set(one.permissions) for one in Role.objects.filter(built_in=True)}
    assert keys.DECIDE_RESPONSE not in held[BuiltInRole.ANALYST]
    assert keys.DECIDE_RESPONSE in held[BuiltInRole.RESPONDER]
    assert held[BuiltInRole.MANAGER] == {
        *(keys.READ, keys.MAIL_METADATA, keys.READ_AUDIT, keys.MANAGE_HOLDS, keys.MANAGE_PREPARATION),
        *(keys.SIGN_REVIEWS, keys.MANAGE_FOLLOW_UPS, keys.READ_REPORTS, keys.MAKE_REPORTS),
    }
    assert held[BuiltInRole.INGEST] == {keys.INGEST}
