"""Where the agent keeps its things, below one root so that a lab can hold many."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """`state` is the helper's alone, `own` the network half's, `spool` holds what goes from one to the other."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "etc/soc-agent/settings.json"

    @property
    def authority(self) -> Path:
        return self.root / "etc/soc-agent/authority.pem"

    @property
    def state(self) -> Path:
        return self.root / "var/lib/soc-agent/helper"

    @property
    def own(self) -> Path:
        return self.root / "var/lib/soc-agent/agent"

    @property
    def spool(self) -> Path:
        return self.root / "var/lib/soc-agent/spool"

    @property
    def isolation(self) -> Path:
        """The rules that are put into force again before the network, when the host starts while it is cut off."""
        return self.state / "isolation.nft"

    @property
    def vault(self) -> Path:
        return self.state / "vault"

    @property
    def keys(self) -> Path:
        return self.state / "keys.json"

    @property
    def identity(self) -> Path:
        return self.own / "identity.pem"

    @property
    def next_identity(self) -> Path:
        """A key that the portal has not confirmed yet."""
        return self.own / "identity.next.pem"

    @property
    def sequence(self) -> Path:
        """How many polls this installation has made."""
        return self.own / "sequence"

    @property
    def socket(self) -> Path:
        return self.root / "run/soc-agent/helper.sock"

    def prepare(self, agent_uid: int) -> None:
        """All of them, each for those who need it: what the helper keeps is closed to the network half."""
        # What the helper puts into the spool takes over its group, so that the other half may read it.
        own = (self.own, 0o700), (self.spool, 0o2770)
        for folder, mode in ((self.settings.parent, 0o755), (self.state, 0o700), (self.socket.parent, 0o755), *own):
            folder.mkdir(parents=True, exist_ok=True)
            if (folder, mode) in own:
                self.give(folder, agent_uid)
            folder.chmod(mode)

    def give(self, path: Path, uid: int) -> None:
        """To the user of the network half, where there is one apart."""
        if os.geteuid() == 0 and uid != 0:
            os.chown(path, uid, pwd.getpwuid(uid).pw_gid)

    def write(self, path: Path, content: bytes, mode: int = 0o600) -> None:
        """In one step: who reads it finds the old or the new. With this mode, whatever the process masks."""
        draft = path.with_name(f".{path.name}.new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode & 0o700)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
