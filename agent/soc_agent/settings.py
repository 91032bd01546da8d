"""What enrolment wrote down: who this device is, where the portal is, whom to believe."""

import json
from dataclasses import dataclass
from pathlib import Path


class BadSettings(Exception):
    """The file is missing or says something else than it should; the message names the field."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`portals` are addresses with ports, fixed at enrolment so that an isolated host asks nobody for them; `url` is
    what TLS is checked against."""

    url: str
    device_id: str
    root_key: str
    portals: tuple[tuple[str, int], ...]
    agent_uid: int
    devices: tuple[str, ...]


def load_settings(path: Path) -> Settings:
    """Raises `BadSettings`."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadSettings("This host is not enrolled: run `soc-agent enroll` first.") from None
    except (OSError, ValueError) as error:
        raise BadSettings(f"{path} cannot be read: {error}") from None
    if isinstance(value, dict) and value.get("offboarded"):
        raise BadSettings("This host has left its portal: run `soc-agent enroll` to join one.")
    try:
        return Settings(
            str(value["url"]), str(value["device_id"]), str(value["root_key"]),
            tuple((str(address), int(port)) for address, port in value["portals"]),
            int(value["agent_uid"]), tuple(str(one) for one in value["devices"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise BadSettings(f"{path} lacks something: {error}") from None


def is_offboarded(path: Path) -> bool:
    """Whether this host has left its portal."""
    try:
        return bool(json.loads(path.read_text()).get("offboarded"))
    except (OSError, ValueError, AttributeError):
        return False
