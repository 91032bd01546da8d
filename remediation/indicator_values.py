"""What an indicator may name: each type's values in one spelling, and the values that nobody may block."""

import ipaddress
import re
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from core.wording import unix_lines
from incidents.correlation.addresses import is_comparable, is_internal
from remediation.enums import IndicatorAction, IndicatorType

LONGEST = 2_000
_HEX = {
    IndicatorType.SHA256: (64,),
    IndicatorType.SHA1: (40,),
    IndicatorType.MD5: (32,),
    IndicatorType.CERTIFICATE: (40, 64),
}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_FILE_ACTIONS = tuple(IndicatorAction)
_NETWORK_ACTIONS = tuple(action for action in IndicatorAction if action != IndicatorAction.BLOCK_AND_REMEDIATE)
ACTIONS: dict[str, tuple[IndicatorAction, ...]] = {
    IndicatorType.SHA256: _FILE_ACTIONS,
    IndicatorType.SHA1: _FILE_ACTIONS,
    IndicatorType.MD5: _FILE_ACTIONS,
    IndicatorType.IP: _NETWORK_ACTIONS,
    IndicatorType.DOMAIN: _NETWORK_ACTIONS,
    IndicatorType.URL: _NETWORK_ACTIONS,
    IndicatorType.CERTIFICATE: (IndicatorAction.ALLOWED, IndicatorAction.BLOCK_AND_REMEDIATE),
}
NETWORK_TYPES = frozenset({IndicatorType.IP, IndicatorType.DOMAIN, IndicatorType.URL})
STOPPING = frozenset({IndicatorAction.WARN, IndicatorAction.BLOCK, IndicatorAction.BLOCK_AND_REMEDIATE})


def clean_value(kind: str, raw: object) -> str:
    """The value as it is kept and compared; raises `ValidationError` with the reason."""
    text = unix_lines(raw).strip() if isinstance(raw, str) else ""
    if not text or len(text) > LONGEST or not text.isprintable():
        raise ValidationError({"value": f"A value of 1 to {LONGEST:,} printable characters is needed."})
    if kind in _HEX:
        return _clean_hex(IndicatorType(kind), text)
    cleaners = {IndicatorType.IP: _clean_ip, IndicatorType.DOMAIN: _clean_domain, IndicatorType.URL: _clean_url}
    return cleaners[IndicatorType(kind)](text)


def check_action(kind: str, action: str) -> None:
    if action not in ACTIONS[kind]:
        allowed = ", ".join(str(one.label).lower() for one in ACTIONS[kind])
        label = IndicatorType(kind).label
        raise ValidationError({"action": f"{label}: only {allowed} can be enforced."})


def check_may_stop(kind: str, value: str) -> None:
    """The portal itself must stay reachable: its own names and addresses are never warned of nor blocked."""
    host = host_of(kind, value)
    own = {name.strip("[]").lstrip(".").lower() for name in settings.ALLOWED_HOSTS if name != "*"}
    if host and (host in own or any(name.endswith(f".{host}") for name in own if kind == IndicatorType.DOMAIN)):
        raise ValidationError({"value": f"{host} is the portal's own address: it cannot be blocked."})


def key_of(kind: str, value: str) -> str:
    """`ipAddress:203.0.113.9`; a long value is hashed, because two of them must not become one."""
    return f"{kind}:{value if len(value) <= 80 else sha256(value.encode()).hexdigest()}"


def host_of(kind: str, value: str) -> str:
    """The host that a network indicator is about; empty for files and certificates."""
    if kind == IndicatorType.URL:
        return (urlsplit(value).hostname or "").lower()
    return value if kind in NETWORK_TYPES else ""


def guess_type(raw: str) -> str:
    """The type of a value that somebody types into one field; empty when it is none."""
    for kind in (IndicatorType.SHA256, IndicatorType.SHA1, IndicatorType.MD5, IndicatorType.IP, IndicatorType.URL,
                 IndicatorType.DOMAIN):  # fmt: skip
        try:
            clean_value(kind, raw)
        except ValidationError:
            continue
        return kind
    return ""


def _clean_hex(kind: IndicatorType, text: str) -> str:
    plain = text.replace(":", "").replace(" ", "").lower()
    if len(plain) not in _HEX[kind] or not re.fullmatch(r"[0-9a-f]+", plain, re.ASCII):
        digits = " or ".join(str(length) for length in _HEX[kind])
        raise ValidationError({"value": f"{kind.label}: {digits} hexadecimal digits are needed."})
    return plain


def _clean_ip(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        raise ValidationError(
            {"value": "One IP address is needed: no network, no range, no wildcard, no name."}
        ) from None
    plain = address.compressed
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id or address.ipv4_mapped:
            raise ValidationError(
                {"value": "An IPv6 address without zone and without an IPv4 address in it is needed."}
            )
        plain = address.compressed
    if is_internal(plain) or not is_comparable(plain) or address.is_reserved:
        raise ValidationError({"value": f"{plain} is an internal or special address: only public ones can be named."})
    return plain


def _clean_domain(text: str) -> str:
    name = text.lower().rstrip(".").removeprefix("*.")
    try:
        plain = name.encode("ascii").decode() if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        raise ValidationError({"value": "A domain name is needed."}) from None
    labels = plain.split(".")
    last_is_number = labels[-1].isdigit()
    if len(plain) > 253 or len(labels) < 2 or last_is_number or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValidationError({"value": "A domain name is needed, such as evil.example; subdomains are covered."})
    return plain


def _clean_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValidationError({"value": "A URL is needed."}) from None
    if parts.scheme.lower() not in {"http", "https"} or not host or parts.username or parts.password:
        raise ValidationError({"value": "A URL that begins with http:// or https:// and holds no password is needed."})
    try:
        plain = _clean_ip(host)
    except ValidationError:
        if host.replace(".", "").isdigit() or ":" in host:
            raise
        plain = _clean_domain(host)
    shown = f"[{plain}]" if ":" in plain else plain
    netloc = f"{shown}:{port}" if port and port != {"http": 80, "https": 443}[parts.scheme.lower()] else shown
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme.lower()}://{netloc}{parts.path or '/'}{query}"
