"""What the simulated company can do."""

from typing import Any

from connectors.ports import (
    INDICATORS,
    INDICATORS_AT_ONCE,
    TENANT,
    CancelSupport,
    Capability,
    Effect,
    Manifest,
    Offline,
    Reversal,
)


def _schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _capability(
    action: str,
    kind: str,
    schema: dict[str, Any],
    *,
    effect: Effect = Effect.STATE,
    reversal: Reversal = Reversal.INVERSE,
    artefacts: tuple[str, ...] = (),
) -> Capability:
    return Capability(
        action=action,
        target_kinds=frozenset({kind}),
        arguments_schema=schema,
        effect=effect,
        reversal=reversal,
        cancel=CancelSupport.BEFORE_START,
        offline=Offline.PORTAL_QUEUE,
        artefacts=artefacts,
    )


_TEXT = {"type": "string"}
_FILE = _schema("file_key", file_key=_TEXT)
_MESSAGE = _schema("message_id", message_id=_TEXT)
_ENTRY = _schema("entry", entry=_TEXT)
_ACCOUNT = _schema("entry", entry=_TEXT, account=_TEXT)
_ISOLATION = _schema(isolation_type={"enum": ["full", "selective"]})
_RULE = _schema("rule_id", rule_id=_TEXT)
_INDICATORS = _schema(
    set={"type": "array", "maxItems": INDICATORS_AT_ONCE, "items": {"type": "object"}},
    remove={"type": "array", "maxItems": INDICATORS_AT_ONCE, "items": _TEXT},
)
_SCAN = _schema(scan_type={"enum": ["quick", "full", "custom"]}, paths=_TEXT)
_RESTRICTION = _schema(mode={"enum": ["audited", "restricted"]}, days=_TEXT)

MANIFEST = Manifest(
    kind="simulator",
    version="1",
    simulated=True,
    capabilities=(
        _capability("device.isolate", "device", _ISOLATION),
        _capability("device.release", "device", _schema()),
        _capability(
            "device.antivirus_scan",
            "device",
            _SCAN,
            effect=Effect.COLLECT,
            reversal=Reversal.NONE,
            artefacts=("text/plain",),
        ),
        _capability("device.restrict_execution", "device", _RESTRICTION),
        _capability("device.unrestrict_execution", "device", _schema()),
        _capability(
            "device.collect_package",
            "device",
            _schema(),
            effect=Effect.COLLECT,
            reversal=Reversal.NONE,
            artefacts=("application/zip",),
        ),
        _capability(
            "device.sweep",
            "device",
            _schema("indicators", indicators=_TEXT),
            effect=Effect.COLLECT,
            reversal=Reversal.NONE,
        ),
        _capability("device.contain", "device", _ENTRY),
        _capability("device.uncontain", "device", _ENTRY),
        _capability("identity.contain", "device", _ACCOUNT),
        _capability("identity.uncontain", "device", _ACCOUNT),
        _capability("device.offboard", "device", _schema(), effect=Effect.ONCE, reversal=Reversal.NONE),
        _capability(
            "file.collect",
            "device",
            _FILE,
            effect=Effect.COLLECT,
            reversal=Reversal.NONE,
            artefacts=("application/octet-stream",),
        ),
        _capability("file.quarantine", "device", _FILE, reversal=Reversal.TOKEN),
        _capability("file.restore", "device", _FILE),
        _capability("identity.disable", "identity", _schema()),
        _capability("identity.enable", "identity", _schema()),
        _capability("mailbox.soft_delete_message", "mailbox", _MESSAGE, reversal=Reversal.TOKEN),
        _capability("mailbox.restore_message", "mailbox", _MESSAGE),
        _capability("identity.force_password_change", "identity", _schema()),
        _capability("identity.waive_password_change", "identity", _schema()),
        _capability("identity.revoke_sessions", "identity", _schema(), effect=Effect.ONCE, reversal=Reversal.NONE),
        _capability("mailbox.disable_rule", "mailbox", _RULE, reversal=Reversal.TOKEN),
        _capability("mailbox.enable_rule", "mailbox", _RULE),
        _capability(INDICATORS, TENANT.kind, _INDICATORS, reversal=Reversal.TOKEN),
    ),
)
