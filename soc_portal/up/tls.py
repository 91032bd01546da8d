"""How the portal is served over TLS: with a certificate of its own authority, or with files that somebody gives."""

import sys
import time
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from soc_portal.up.authority import ALWAYS, Authority
from soc_portal.up.data_folder import DataFolder
from soc_portal.up.errors import UpError
from soc_portal.up.given_certificate import check_pair

LOOKS_EVERY_S = 3600.0


@dataclass(frozen=True)
class TlsOptions:
    """`hosts` are the names people type; with any of them the portal listens to other machines too."""

    hosts: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None


class Tls:
    """The pair of files in use. `look_after` renews our own before it ends; given ones renew themselves."""

    def __init__(self, folder: DataFolder, options: TlsOptions) -> None:
        self._options = options
        self._authority = None if options.certificate else Authority(folder.path / "tls")
        self._looked_at = 0.0
        self.certificate = (options.certificate or folder.path / "tls" / "portal.pem").resolve()
        self.key = (options.key or folder.path / "tls" / "portal.key").resolve()
        self.names: list[str] = []

    def prepare(self) -> None:
        if self._authority:
            self._authority.ensure(self._options.hosts)
            self.names = list(dict.fromkeys((*self._options.hosts, *ALWAYS)))
        else:
            self.names = check_pair(self.certificate, self.key, hosts=self._options.hosts)
        self._looked_at = time.monotonic()

    @property
    def address(self) -> str:
        """To listen on: other machines are let in only when a name for them is given."""
        return "0.0.0.0" if self._options.hosts else "127.0.0.1"  # noqa: S104 - asked for by a person

    @property
    def host(self) -> str:
        """As it stands in the address that people type."""
        if self._options.hosts:
            first = self._options.hosts[0]
        elif {"127.0.0.1", "localhost"} & set(self.names):
            first = "127.0.0.1" if "127.0.0.1" in self.names else "localhost"
        else:
            first = next((name for name in self.names if not name.startswith("*.")), "127.0.0.1")
        return f"[{first}]" if ":" in first else first

    @property
    def allowed_hosts(self) -> list[str]:
        """In the form of the settings: a leading dot stands for all names below."""
        return [f"[{name}]" if ":" in name else name.removeprefix("*") for name in self.names]

    def tell(self) -> None:
        """Where the authority's certificate lies and how to trust it."""
        if self._authority is None:
            return
        file = self._authority.file
        lines = [
            f"the portal's certificate is vouched for by {file}",
            f"  SHA-256 {self._authority.fingerprint()}",
            f"  Debian: cp {file} /usr/local/share/ca-certificates/soc-portal.crt && update-ca-certificates",
            "  browsers: Settings, Certificates, Authorities, Import that file; it can vouch for this portal alone",
            f"  scripts: curl --cacert {file} ...",
        ]
        for line in lines:
            print(f"soc: {line}", file=sys.stderr, flush=True)

    def look_after(self) -> None:
        """The web process reads the new files by itself; no connection is dropped."""
        if self._authority is None or time.monotonic() - self._looked_at < LOOKS_EVERY_S:
            return
        self._looked_at = time.monotonic()
        try:
            renewed = self._authority.ensure(self._options.hosts)
        except (UpError, OSError) as error:
            print(f"soc: the certificate cannot be renewed: {error}", file=sys.stderr, flush=True)
            return
        if renewed:
            print(f"soc: the certificate was renewed: {self.certificate}", file=sys.stderr, flush=True)


def host_name(text: str) -> str:
    """A name or an address as it may stand in a certificate and in the address bar."""
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        pass
    labels = text.lower().rstrip(".").split(".")
    fine = all(
        0 < len(label) <= 63 and label.isascii() and label.replace("-", "").isalnum() and label.strip("-") == label
        for label in labels
    )
    if not fine or len(text) > 253:
        raise ValueError(f"{text[:40]!r} is no host name and no address")
    return ".".join(labels)
