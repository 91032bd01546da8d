"""What the agents can do at all. What one device cannot, it tells itself with each heartbeat."""

from typing import Any

from connectors.ports import (
    INDICATORS,
    INDICATORS_AT_ONCE,
    TENANT,
    CancelSupport,
    Capability,
    Effect,
    Limits,
    Manifest,
    Offline,
    Reversal,
)

VERSION = "1"
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT, "maxItems": 200}


def _schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _capability(
    action: str,
    schema: dict[str, Any],
    *,
    kind: str = "device",
    effect: Effect = Effect.STATE,
    reversal: Reversal = Reversal.INVERSE,
    cancel: CancelSupport = CancelSupport.BEFORE_START,
    offline: Offline = Offline.PORTAL_QUEUE,
    artefacts: tuple[str, ...] = (),
    limits: Limits | None = None,
) -> Capability:
    return Capability(
        action=action, target_kinds=frozenset({kind}), arguments_schema=schema, effect=effect, reversal=reversal,
        cancel=cancel, offline=offline, artefacts=artefacts, limits=limits or Limits(),
    )  # fmt: skip


# An agent knows a file by its content alone, and by that one digest.
_FILE_KEY = {**_TEXT, "pattern": "^sha256:"}
_FILE = _schema("file_key", file_key=_FILE_KEY, paths=_TEXTS)
_ENTRY = _schema("entry", entry=_TEXT, addresses=_TEXTS, macs=_TEXTS)
_ACCOUNT = _schema("entry", "account", entry=_TEXT, account=_TEXT)
_INDICATORS = _schema(
    set={"type": "array", "maxItems": INDICATORS_AT_ONCE, "items": {"type": "object"}},
    remove={"type": "array", "maxItems": INDICATORS_AT_ONCE, "items": _TEXT},
)
MANIFEST = Manifest(
    kind="endpoint_agent",
    version=VERSION,
    simulated=False,
    capabilities=(
        _capability("device.isolate", _schema(isolation_type={"enum": ["full", "selective"]})),
        _capability("device.release", _schema()),
        _capability("device.restrict_execution", _schema(mode={"enum": ["audited", "restricted"]}, days=_TEXT)),
        _capability("device.unrestrict_execution", _schema()),
        _capability(
            "device.antivirus_scan", _schema(scan_type={"enum": ["quick", "full", "custom"]}), effect=Effect.COLLECT,
            reversal=Reversal.NONE, cancel=CancelSupport.COOPERATIVE, limits=Limits(run_s=8 * 3_600),
        ),
        _capability(
            "device.collect_package", _schema(), effect=Effect.COLLECT, reversal=Reversal.NONE,
            cancel=CancelSupport.COOPERATIVE, artefacts=("application/zip",),
        ),
        _capability(
            "device.sweep", _schema("indicators", indicators=_TEXT), effect=Effect.COLLECT, reversal=Reversal.NONE,
            cancel=CancelSupport.COOPERATIVE,
        ),
        _capability("file.quarantine", _FILE, effect=Effect.ONCE, reversal=Reversal.TOKEN),
        _capability("file.restore", _FILE, effect=Effect.ONCE),
        _capability(
            "file.collect", _schema("path", path=_TEXT, file_key=_TEXT), effect=Effect.COLLECT, reversal=Reversal.NONE,
            cancel=CancelSupport.COOPERATIVE, artefacts=("application/octet-stream",),
            # A large file over a slow line: sending counts, too.
            limits=Limits(run_s=6 * 3_600),
        ),
        _capability("device.contain", _ENTRY),
        _capability("device.uncontain", _ENTRY),
        _capability("identity.contain", _ACCOUNT),
        _capability("identity.uncontain", _ACCOUNT),
        _capability("device.offboard", _schema(), effect=Effect.ONCE, reversal=Reversal.NONE),
        # The list is the portal's own; what waits for the signer waits here, whatever devices are away.
        _capability(
            INDICATORS, _INDICATORS, kind=TENANT.kind, reversal=Reversal.NONE, offline=Offline.REMOTE_QUEUE,
        ),
    ),
)  # fmt: skip
