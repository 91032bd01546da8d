"""The key of a backup, encrypted with its pass phrase: an age file with a scrypt recipient (https://age-encryption.org/v1).

The age library chooses how hard a pass phrase is to try by how fast this machine happens to be: up to a gigabyte of
memory on a strong one, which a smaller or busier machine then refuses to open. A backup has to open anywhere, so this
one small file is written here, with a fixed cost; it is read by the library, as every other file is.
"""

import base64
import hmac
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

_VERSION = b"age-encryption.org/v1"
_LOG_COST = 17  # 128 MB and about half a second for each try
_LAST_CHUNK = bytes(11) + b"\x01"
_CHUNK = 64 * 1024


def seal_key(key: bytes, pass_phrase: str) -> bytes:
    """`key` as an age file that the pass phrase opens; at most one chunk long."""
    if len(key) > _CHUNK:
        raise ValueError("Only a key is encrypted here.")
    salt, file_key, nonce = (secrets.token_bytes(16) for _ in range(3))
    derive = Scrypt(salt=_VERSION + b"/scrypt" + salt, length=32, n=2**_LOG_COST, r=8, p=1)
    wrapped = ChaCha20Poly1305(derive.derive(pass_phrase.encode())).encrypt(bytes(12), file_key, None)
    header = b"%s\n-> scrypt %s %d\n%s\n---" % (_VERSION, _text(salt), _LOG_COST, _text(wrapped))
    mac = hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")
    content = ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).encrypt(_LAST_CHUNK, key, None)
    return header + b" " + _text(mac) + b"\n" + nonce + content


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=purpose).derive(key)


def _text(content: bytes) -> bytes:
    return base64.b64encode(content).rstrip(b"=")
