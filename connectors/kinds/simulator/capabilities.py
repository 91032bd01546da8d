"""What the simulated company can do."""

from typing import Any

from connectors.ports import CancelSupport, Capability, Effect, Manifest, Offline, Reversal


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
_ISOLATION = _schema(isolation_type={"enum": ["full", "selective"]})
_SCAN = _schema(scan_type={"enum": ["quick", "full"]})

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
        _capability("file.quarantine", "device", _FILE, reversal=Reversal.TOKEN),
        _capability("file.restore", "device", _FILE),
        _capability("identity.disable", "identity", _schema()),
        _capability("identity.enable", "identity", _schema()),
        _capability("mailbox.soft_delete_message", "mailbox", _MESSAGE, reversal=Reversal.TOKEN),
        _capability("mailbox.restore_message", "mailbox", _MESSAGE),
    ),
)
