"""Errors of connectors; each carries what it means for trying again."""

from enum import StrEnum


class Retry(StrEnum):
    LATER = "later"  # nothing happened; try again with back-off
    WHEN_SEEN = "when_seen"  # the target is away; try again when it shows up, or now and then
    ASK = "ask"  # it may have happened; the same order with the same key tells
    NEVER = "never"  # trying again cannot help


class ConnectorError(Exception):
    """Something between us and the remote side. `message` is shown to people, so it names no secret."""

    retry = Retry.LATER
    code = "connector_error"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message, self.retry_after_s = message, retry_after_s


class Unavailable(ConnectorError):
    """The remote system itself does not answer; nothing was handed over."""

    code = "unavailable"


class Throttled(ConnectorError):
    """The remote system asks us to slow down; `retry_after_s` says by how much."""

    code = "throttled"


class TargetOffline(ConnectorError):
    """The remote system answers, the target is not connected to it."""

    retry = Retry.WHEN_SEEN
    code = "target_offline"


class OutcomeUnknown(ConnectorError):
    """The order went out and no answer came back."""

    retry = Retry.ASK
    code = "outcome_unknown"


class TargetGone(ConnectorError):
    """The remote side does not know the target or the object on it."""

    retry = Retry.NEVER
    code = "target_gone"


class Unsupported(ConnectorError):
    """The remote side cannot do this to this target."""

    retry = Retry.NEVER
    code = "unsupported"


class Rejected(ConnectorError):
    """The remote side understood and said no."""

    retry = Retry.NEVER
    code = "rejected"


class Misconfigured(ConnectorError):
    """The connection's own settings are wrong; an administrator must mend them, so the order waits."""

    code = "misconfigured"
