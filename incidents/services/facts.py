"""What a source says about a machine, a file, an account or a mailbox, before it is known which of ours is meant."""

from dataclasses import dataclass

from incidents.enums import Onboarding, SensorHealth

# Names that every machine may carry prove nothing about which machine is meant.
NAMELESS_HOSTS = frozenset({"", "-", "localhost", "localhost.localdomain", "unknown", "none", "null", "n/a"})
# Accounts that exist on every machine: the name alone does not say whose.
BUILT_IN_ACCOUNTS = frozenset({
    "root", "admin", "administrator", "guest", "system", "local service", "localservice", "network service",
    "networkservice", "daemon", "nobody", "www-data", "sshd", "syslog", "anonymous", "anonymous logon",
    "defaultaccount", "wdagutilityaccount", "dwm-1", "umfd-0", "postgres", "mysql", "ubuntu", "user", "everyone",
})  # fmt: skip
BUILT_IN_SIDS = frozenset({"s-1-5-18", "s-1-5-19", "s-1-5-20", "s-1-5-7", "s-1-1-0"})


@dataclass(slots=True)
class DeviceFacts:
    """`ids` are vendor ids such as `mde:...`; names are as the source wrote them."""

    dns_name: str = ""
    host_name: str = ""
    domain: str = ""
    ids: tuple[str, ...] = ()
    os_platform: str = ""
    os_version: str = ""
    ip_addresses: tuple[str, ...] = ()
    mac_addresses: tuple[str, ...] = ()
    logged_on_users: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    health: str = SensorHealth.UNKNOWN
    onboarding: str = Onboarding.INSUFFICIENT_INFO
    category: str = ""

    @property
    def full_name(self) -> str:
        """The lower-cased DNS name, or empty."""
        name = self.dns_name.strip().strip(".").lower()
        if "." not in name or name in NAMELESS_HOSTS:
            host, domain = self.bare_name, self.domain.strip().strip(".").lower()
            return f"{host}.{domain}"[:255] if host and "." in domain else ""
        return name[:255]

    @property
    def bare_name(self) -> str:
        """The lower-cased host name without its domain, or empty."""
        name = (self.host_name or self.dns_name).strip().lower().partition(".")[0]
        return "" if name in NAMELESS_HOSTS else name[:255]

    @property
    def key(self) -> str:
        return self.full_name or self.bare_name or (self.ids[0] if self.ids else "")

    @property
    def display(self) -> str:
        return (self.host_name.strip() or self.dns_name.strip().partition(".")[0] or self.key)[:255]


@dataclass(slots=True)
class FileFacts:
    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    name: str = ""
    path: str = ""
    size: int | None = None
    publisher: str = ""
    signer: str = ""

    @property
    def key(self) -> str:
        """By the strongest hash; empty when there is none: a file without a hash is not an entity."""
        for kind, value in (("sha256", self.sha256), ("sha1", self.sha1), ("md5", self.md5)):
            if value:
                return f"{kind}:{value}"
        return ""


@dataclass(slots=True)
class IdentityFacts:
    """`ids` are `sid:...` and `aad:...`."""

    upn: str = ""
    account_name: str = ""
    domain: str = ""
    sid: str = ""
    ids: tuple[str, ...] = ()
    display_name: str = ""

    @property
    def bare_name(self) -> str:
        return (self.account_name or self.upn.partition("@")[0]).strip().lower()[:255]

    @property
    def domain_name(self) -> str:
        """`domain\\name`, lower-cased, or empty."""
        domain = self.domain.strip().lower()
        return f"{domain}\\{self.bare_name}"[:255] if domain and self.bare_name else ""

    @property
    def key(self) -> str:
        upn = self.upn.strip().lower()[:255]
        return upn if "@" in upn else self.domain_name or self.bare_name or (self.ids[0] if self.ids else "")

    @property
    def display(self) -> str:
        name = self.display_name or self.account_name or self.upn or self.key
        return name.strip()[:255] or self.key


@dataclass(slots=True)
class MailboxFacts:
    address: str
    display_name: str = ""
    upn: str = ""

    @property
    def key(self) -> str:
        return self.address.strip().lower()[:320]
