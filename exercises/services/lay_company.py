"""Puts the company into the portal: groups, machines, accounts, mailboxes, their bindings, and the security team."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.enums import ScopeKind
from accounts.models import DeviceGroup, Role, User
from accounts.services.device_groups import create_device_group
from accounts.services.people import create_user
from connectors.models import Connection
from core.actors import Actor
from exercises.company import COMPANY, Account, Machine
from exercises.company.directory import DOMAIN, NT_DOMAIN
from exercises.company.machines import GROUPS
from exercises.company.people import SECURITY_TEAM, rows
from exercises.keys import DEMO
from exercises.sources.wazuh import MANAGER
from incidents.models import Device, Identity, Mailbox
from incidents.services.bindings import bind
from incidents.services.describe_assets import describe_assets
from incidents.services.facts import DeviceFacts, IdentityFacts, MailboxFacts
from incidents.services.resolve_entities import resolve_devices, resolve_identities, resolve_mailboxes


def lay_company(connection: Connection, *, now: datetime, actor: Actor) -> None:
    """All of it in one transaction; repeating it changes nothing."""
    known_since = now - timedelta(days=400)
    with transaction.atomic():
        _lay_groups(actor)
        resolve_devices([_device_facts(machine) for machine in COMPANY.machines], at=known_since, exercise=DEMO)
        resolve_identities([_identity_facts(account) for account in COMPANY.accounts], at=known_since, exercise=DEMO)
        resolve_mailboxes(_mailbox_facts(), at=known_since, exercise=DEMO)
        machines = {machine.dns_name: _machine_words(machine) for machine in COMPANY.machines}
        describe_assets(Device, facts=machines, actor=actor)
        describe_assets(
            Identity, facts={account.upn: _account_words(account) for account in COMPANY.accounts}, actor=actor
        )
        describe_assets(Mailbox, facts=_mailbox_words(), actor=actor)
        _bind_everything(connection, actor)
        _hire_security_team(actor)


def _lay_groups(actor: Actor) -> None:
    for name, description, rule in GROUPS:
        if not DeviceGroup.objects.filter(name__iexact=name).exists():
            create_device_group(name, rule=rule, description=description, exercise=DEMO, actor=actor)


def _device_facts(machine: Machine) -> DeviceFacts:
    ids = [f"mde:{machine.sensor_id}", f"aad:{machine.directory_id}"] if machine.managed else []
    if machine.agent_id:
        ids.append(f"wazuh:{MANAGER}:{machine.agent_id}")
    return DeviceFacts(
        dns_name=machine.dns_name,
        host_name=machine.name,
        domain=DOMAIN,
        ids=tuple(ids),
        os_platform=machine.platform,
        os_version=machine.version,
        ip_addresses=(machine.ip,),
        mac_addresses=(machine.mac,),
        logged_on_users=tuple(rf"{NT_DOMAIN}\{name}" for name in machine.users),
        health="active" if machine.online else "inactive",
        onboarding="onboarded" if machine.managed else "canBeOnboarded",
    )


def _identity_facts(account: Account) -> IdentityFacts:
    return IdentityFacts(
        upn=account.upn,
        account_name=account.name,
        domain=NT_DOMAIN,
        sid=account.sid,
        ids=(f"sid:{account.sid.lower()}", f"aad:{account.directory_id}"),
        display_name=account.display_name,
    )


def _mailbox_facts() -> list[MailboxFacts]:
    own = [MailboxFacts(account.upn, account.display_name, account.upn) for account in COMPANY.employees]
    return own + [MailboxFacts(shared.address, shared.display_name) for shared in COMPANY.shared_mailboxes]


def _machine_words(machine: Machine) -> dict[str, Any]:
    return {
        "display_name": machine.name,
        "criticality": machine.criticality,
        "value": machine.value,
        "exposure_level": machine.exposure,
        "internet_facing": machine.internet_facing,
        "health": "active" if machine.online else "inactive" if machine.managed else "noSensorData",
    }


def _account_words(account: Account) -> dict[str, Any]:
    return {
        "display_name": account.name if account.is_service else account.display_name,
        "department": account.department,
        "job_title": account.title,
        "criticality": "high" if account.is_sensitive else "low",
        "is_service": account.is_service,
        "tags": ["Sensitive"] if account.is_sensitive else [],
    }


def _mailbox_words() -> dict[str, dict[str, Any]]:
    words: dict[str, dict[str, Any]] = {
        account.upn: {"criticality": "high" if account.is_sensitive else "low", "tags": []}
        for account in COMPANY.employees
    }
    for shared in COMPANY.shared_mailboxes:
        words[shared.address] = {"criticality": "medium", "tags": ["Shared"]}
    return words


def _bind_everything(connection: Connection, actor: Actor) -> None:
    """Each managed thing to its object in the simulator; the unmanaged crane panel to nothing."""
    managed = {machine.dns_name for machine in COMPANY.machines if machine.managed}
    for device in Device.objects.filter(exercise=DEMO, key__in=managed).order_by("pk"):
        bind(device, connection=connection, remote_id=device.key, actor=actor)
    accounts = {account.upn for account in COMPANY.accounts}
    for identity in Identity.objects.filter(exercise=DEMO, key__in=accounts).order_by("pk"):
        bind(identity, connection=connection, remote_id=identity.key, actor=actor)
    for mailbox in Mailbox.objects.filter(exercise=DEMO, key__in=list(_mailbox_words())).order_by("pk"):
        bind(mailbox, connection=connection, remote_id=mailbox.key, actor=actor)


def _hire_security_team(actor: Actor) -> None:
    """People of the past: they have no password, so nobody signs in as one of them."""
    for username, name, role in rows(SECURITY_TEAM):
        if not User.objects.filter(username=username).exists():
            create_user(
                username, display_name=name, roles=[Role.objects.get(key=role)], scope_kind=ScopeKind.ALL,
                exercise=DEMO, actor=actor,
            )  # fmt: skip
