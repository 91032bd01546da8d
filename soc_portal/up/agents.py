"""What endpoint agents need of an instance: an authority that they pin, the signer's keys, a place to listen."""

import os
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soc_portal.up.authority import Authority
from soc_portal.up.data_folder import DataFolder
from soc_portal.up.errors import UpError

# By this name hosts on this machine know the portal, whatever it is called elsewhere.
OWN_NAME = "agents.soc-portal.internal"
SOCKET = "agents.sock"


@dataclass(frozen=True)
class AgentLine:
    """Where the process that serves agents listens, and what it shows."""

    folder: DataFolder
    port: int
    hosts: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Other machines reach it only where other machines were named."""
        return "0.0.0.0" if self.hosts else "127.0.0.1"  # noqa: S104 - asked for by naming a host

    @property
    def url(self) -> str:
        return f"https://{self.hosts[0] if self.hosts else OWN_NAME}:{self.port}"

    @property
    def public(self) -> Path:
        return self.folder.path / "agents"

    @property
    def signer(self) -> Path:
        return self.folder.path / "signer"

    @property
    def authority(self) -> Authority:
        return Authority(self.folder.path / "agents-tls", fixed=False)

    @property
    def link(self) -> Path:
        return self.folder.path / SOCKET

    def prepare(self) -> None:
        _prepare(self.authority, self.hosts, self.public)

    def link_socket(self, sockets: Path) -> None:
        """The socket itself lies where its path is short enough for the kernel."""
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(sockets / SOCKET)

    def environment(self) -> dict[str, str]:
        return {
            "SOC_AGENTS_URL": os.environ.get("SOC_AGENTS_URL", self.url),
            "SOC_AGENTS_DIR": str(self.public),
            "SOC_SIGNER_DIR": str(self.signer),
        }

    def command(self, sockets: Path) -> Sequence[str]:
        return (
            "soc_portal.up.agent_line", f"--address={self.address}", f"--port={self.port}",
            f"--socket={sockets / SOCKET}", f"--certificate={self.authority.certificate_file}",
            f"--key={self.authority.portal_key_file}",
        )  # fmt: skip


def prepare_for_containers() -> None:
    """In production: the authority and its certificate in the folder that the environment names."""
    folder = os.environ.get("SOC_AGENTS_TLS_DIR", "")
    if folder:
        hosts = [name.strip() for name in os.environ.get("SOC_AGENTS_HOSTS", "").split(",") if name.strip()]
        _prepare(Authority(Path(folder), fixed=False), hosts, Path(os.environ["SOC_AGENTS_DIR"]))


def _prepare(authority: Authority, hosts: Sequence[str], public: Path) -> None:
    """A certificate that lasts, and the authority where everybody may read it."""
    authority.ensure((OWN_NAME, *hosts))
    public.mkdir(mode=0o755, exist_ok=True)
    shutil.copyfile(authority.file, public / "ca.pem")


def free_port(wanted: int | None, beside: int) -> int:
    """The port for agents: the one that was asked for, else the portal's plus 443, else any."""
    for port in (wanted or beside + 443, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port if port < 65_536 else 0))
            except OSError as error:
                if wanted:
                    raise UpError(f"port {wanted} cannot be used for agents ({error.strerror})") from error
                continue
            return int(probe.getsockname()[1])
    raise UpError("no port is free for agents")
