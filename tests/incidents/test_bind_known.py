"""A team tries actions on its own alerts: what is known gets an imitation behind a simulated connection."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import DeviceGroup, User
from connectors.kinds.simulator import world
from connectors.models import Connection
from connectors.registry import Kind
from connectors.services.connections import create_connection
from core.actors import Actor
from core.models import AuditEvent
from incidents.models import Device, DeviceBinding, Identity, IdentityBinding, Mailbox, MailboxBinding
from incidents.services.bind_known import KINDS, bind_known, unbind_known
from remediation.services.carry_out import carry_out
from remediation.services.undo import undo_run
from tests.conftest import SignedIn
from tests.factories.people import person
from tests.factories.remediation import DeviceFactory, FileFactory, approve, done, saw

pytestmark = pytest.mark.django_db
ME = Actor.system("test")


@pytest.fixture
def lab(db: None) -> Connection:
    pace = {"start_after_s": "0", "finish_after_s": "0"}
    return create_connection(name="Lab", kind="simulator", settings=pace, actor=ME)


def bind(lab: Connection, user: User) -> tuple[int, int]:
    bound = bind_known(lab, kinds=KINDS, user=user, actor=user.actor)
    return bound.made, bound.left


def test_what_is_known_is_bound_once_and_marked_simulated(lab: Connection, adam: User) -> None:
    device = DeviceFactory.create()
    Identity.objects.create(key="a@example.org", display_name="A")
    Mailbox.objects.create(key="a@example.org", display_name="A", upn="a@example.org")
    assert [bind(lab, adam), bind(lab, adam)] == [(3, 0), (0, 0)]
    assert all(table.objects.get().simulated for table in (DeviceBinding, IdentityBinding, MailboxBinding))
    assert world.state_of(lab, "device", device.key)["network"] == "connected"
    assert AuditEvent.objects.filter(verb="binding.made", actor_id=str(adam.pk)).count() == 3


def test_a_file_of_an_alert_can_be_quarantined(lab: Connection, adam: User, ada: User, rita: User) -> None:
    file, device = FileFactory.create(), DeviceFactory.create()
    saw(file, device)
    bind(lab, adam)
    run = done(ada, rita, "file.quarantine", file)
    assert (run.status, run.simulated) == ("succeeded", True)
    assert world.state_of(lab, "device", device.key)["files"][file.key]["state"] == "quarantined"


def test_binding_again_brings_what_was_seen_since_and_undoes_nothing(
    lab: Connection, adam: User, ada: User, rita: User
) -> None:
    device, first, second = DeviceFactory.create(), FileFactory.create(), FileFactory.create()
    saw(first, device)
    bind(lab, adam)
    done(ada, rita, "file.quarantine", first)
    saw(second, device)
    bind(lab, adam)
    files = world.state_of(lab, "device", device.key)["files"]
    assert {key: file["state"] for key, file in files.items()} == {first.key: "quarantined", second.key: "present"}


def test_what_is_bound_elsewhere_or_belongs_to_an_exercise_is_left_alone(lab: Connection, adam: User) -> None:
    bind(create_connection(name="Other", kind="simulator", actor=ME), adam)
    taken = DeviceFactory.create()
    bind(Connection.objects.get(name="Other"), adam)
    Device.objects.create(key="demo.example", display_name="D", exercise="demo", device_group=taken.device_group)
    assert bind(lab, adam) == (0, 0)


def test_an_administrator_with_a_scope_binds_only_what_they_see(lab: Connection, elsewhere: DeviceGroup) -> None:
    hidden, seen = DeviceFactory.create(), DeviceFactory.create(device_group=elsewhere)
    scoped = person("sara", "admin", groups=[elsewhere])
    bind(lab, scoped)
    assert list(DeviceBinding.objects.values_list("device", flat=True)) == [seen.pk]
    assert not hidden.bindings.exists()


def test_at_most_so_many_at_once_and_the_rest_is_told(
    lab: Connection, adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incidents.services.bind_known.MOST_AT_ONCE", 2)
    for _ in range(3):
        DeviceFactory.create()
    assert [bind(lab, adam), bind(lab, adam)] == [(2, 1), (1, 0)]


def test_a_real_system_cannot_be_told_what_it_manages(
    lab: Connection, adam: User, client: Client, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Kind("real", "Real", "", simulated=False, open=lambda connection: None)  # type: ignore[arg-type, return-value]
    monkeypatch.setattr("incidents.services.bind_known.get_kind", lambda key: real)
    monkeypatch.setattr("incidents.views.bind_known.get_kind", lambda key: real)
    with pytest.raises(ValidationError):
        bind(lab, adam)
    assert signed_in(client, adam).get(reverse("incidents:bind-known", args=[lab.pk])).status_code == 404


def test_only_who_may_manage_the_system_binds(
    lab: Connection, adam: User, rita: User, client: Client, signed_in: SignedIn
) -> None:
    DeviceFactory.create()
    address = reverse("incidents:bind-known", args=[lab.pk])
    assert signed_in(Client(), rita).post(address, {"kinds": ["device"]}).status_code == 403
    signed = signed_in(client, adam)
    assert "Devices (1 bound to nothing)" in signed.get(address).text
    assert signed.post(address, {"kinds": ["printer"]}).status_code == 422
    assert not DeviceBinding.objects.exists()
    signed.post(address, {"kinds": ["device"]})
    assert DeviceBinding.objects.count() == 1


def test_what_is_bound_is_set_free_except_where_something_is_in_force(
    lab: Connection, adam: User, ada: User, rita: User, client: Client, signed_in: SignedIn
) -> None:
    free, isolated = DeviceFactory.create(), DeviceFactory.create()
    bind(lab, adam)
    run = done(ada, rita, "device.isolate", isolated)
    address = reverse("incidents:unbind-known", args=[lab.pk])
    page = signed_in(client, adam)
    assert page.post(address, {}).status_code == 422
    page.post(address, {"reason": "A real connection comes"})
    assert list(DeviceBinding.objects.values_list("device", flat=True)) == [isolated.pk]
    event = AuditEvent.objects.get(verb="binding.removed")
    assert (event.subject, event.reason) == (f"device:{free.pk}", "A real connection comes")
    carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="Over")))
    page.post(address, {"reason": "A real connection comes"})
    assert not DeviceBinding.objects.exists()


def test_nothing_is_set_free_while_orders_are_under_way(lab: Connection, adam: User, ada: User, rita: User) -> None:
    device = DeviceFactory.create()
    bind(lab, adam)
    world.set_behaviour(lab, "device", device.key, offline=True)
    done(ada, rita, "device.isolate", device)
    with pytest.raises(ValidationError, match="under way"):
        unbind_known(lab, user=adam, actor=adam.actor, reason="x")
    assert DeviceBinding.objects.count() == 1


def test_an_administrator_with_a_scope_sets_free_only_what_they_see(
    lab: Connection, adam: User, elsewhere: DeviceGroup
) -> None:
    hidden = DeviceFactory.create()
    DeviceFactory.create(device_group=elsewhere)
    bind(lab, adam)
    scoped = person("sara", "admin", groups=[elsewhere])
    unbind_known(lab, user=scoped, actor=scoped.actor, reason="x")
    assert list(DeviceBinding.objects.values_list("device", flat=True)) == [hidden.pk]
