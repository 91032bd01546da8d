"""A new key for the device, vouched for by the old one. The device keeps its id, the digest of its first key.

The new key is on the disk before the portal hears of it, so whichever of the two the portal believes after a crash is
there: an answer that the old key is not known any more leads to the new one.
"""

import asyncio
import base64
import logging
from contextlib import suppress

from soc_agent.folders import Folders
from soc_agent.identity import Identity, load_identity, make_identity
from soc_agent.portal import Portal, PortalError

logger = logging.getLogger(__name__)
ROTATE = "/agent/v1/rotate"


def rotation_text(device_id: str, new: str) -> bytes:
    """What both keys sign: the device, and the new public key in Base64."""
    return f"soc-agent rotate {device_id} {new}".encode()


class Rotation:
    """Changes the key of `portal` and of its file."""

    def __init__(self, portal: Portal, folders: Folders) -> None:
        self._portal, self._folders = portal, folders
        self._tried = False

    async def rotate(self) -> None:
        """Raises `PortalError` when the portal does not take the new key; the old one goes on to count then."""
        old, new = self._portal.signer.identity, self._made(self._portal.signer.identity.device_id)
        text = rotation_text(old.device_id, new.public)
        proofs = [base64.b64encode(one.key.sign(text)).decode() for one in (old, new)]
        value = {"public_key": new.public, "proof_old": proofs[0], "proof_new": proofs[1]}
        try:
            await asyncio.to_thread(self._portal.ask, "POST", ROTATE, value)
        except PortalError as error:
            if error.code in (400, 403, 404, 409):
                self._folders.next_identity.unlink(missing_ok=True)
            raise
        self._take_over(new)

    def _made(self, device_id: str) -> Identity:
        """The key that waits already, or a new one."""
        with suppress(OSError, ValueError):
            return load_identity(self._folders.next_identity, device_id)
        self._folders.next_identity.unlink(missing_ok=True)
        return Identity(make_identity(self._folders.next_identity).key, device_id)

    def _take_over(self, new: Identity) -> None:
        self._folders.next_identity.replace(self._folders.identity)
        self._portal.signer.identity, self._tried = new, False
        logger.info("this device has a new key")

    def try_next(self) -> bool:
        """The portal does not know the key: perhaps it has taken the one that waits. Whether there is one to try."""
        if self._tried or not self._folders.next_identity.exists():
            return False
        with suppress(OSError, ValueError):
            self._portal.signer.identity = load_identity(self._folders.next_identity,
                                                         self._portal.signer.identity.device_id)  # fmt: skip
            self._tried = True
            return True
        return False

    async def settle(self) -> None:
        """The portal answered: when it was to the key that waited, that is the key now."""
        if self._tried and self._folders.next_identity.exists():
            self._take_over(self._portal.signer.identity)
