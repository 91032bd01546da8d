"""A real OpenID Connect provider as a child process: Glewlwyd of Debian's packages, on a database of its own."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from soc_portal.up.processes import wait_until
from tests.running_portal import free_port

SCHEMA = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
MODULES = Path("/usr/lib/glewlwyd")
PASSWORD = "correct horse over there"
CLIENT, SECRET = "soc-portal", "a secret of the client"
ALL = {"read": True, "write": True}


def find_glewlwyd() -> str | None:
    found = shutil.which("glewlwyd")
    return found if found and SCHEMA.exists() and shutil.which("sqlite3") else None


class Provider:
    """Talks to its administration, and signs people in as their browser would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.issuer = f"{url}/api/oidc"
        self.admin = httpx.Client(base_url=f"{url}/api", timeout=10)
        self.ask("POST", "/auth/", {"username": "admin", "password": "password"})

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        response = self.admin.request(method, path, json=body)
        assert response.status_code == 200, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def set_up(self, redirect_uri: str) -> None:
        """Groups of people, the protocol with an RSA key, and the portal as its client."""
        module = self.ask("GET", "/mod/user/database").json()
        module["parameters"]["data-format"]["groups"] = {"multiple": True, **ALL}
        self.ask("PUT", "/mod/user/database", module)
        self.ask("PUT", "/mod/user/database/reset")
        self.ask("POST", "/mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "OIDC",
                                          "parameters": self._parameters()})  # fmt: skip
        self.ask("POST", "/client/", {
            "client_id": CLIENT, "name": "SOC portal", "confidential": True, "enabled": True, "client_secret": SECRET,
            "redirect_uri": [redirect_uri], "authorization_type": ["code", "id_token"], "scope": ["openid"],
            "token_endpoint_auth_method": ["client_secret_basic"],
        })  # fmt: skip

    def _parameters(self) -> dict[str, Any]:
        private, public = _key_pair()
        claim = {"type": "string", "mandatory": True, "scope": []}
        return {
            "iss": self.issuer, "jwt-type": "rsa", "jwt-key-size": "256", "key": private, "cert": public,
            "access-token-duration": 3600, "refresh-token-duration": 3600, "code-duration": 60,
            "refresh-token-rolling": True, "allow-non-oidc": False, "auth-type-code-enabled": True,
            "auth-type-token-enabled": False, "auth-type-id-token-enabled": True, "auth-type-none-enabled": False,
            "auth-type-password-enabled": False, "auth-type-client-enabled": False, "auth-type-refresh-enabled": False,
            "auth-type-device-enabled": False, "pkce-allowed": True, "pkce-method-plain-allowed": False,
            "pkce-required": True, "jwks-show": True, "subject-type": "public", "name-claim": "mandatory",
            "email-claim": "mandatory", "name-claim-scope": [], "email-claim-scope": [],
            "claims": [{"name": "groups", "user-property": "groups", **claim},
                       {"name": "preferred_username", "user-property": "username", **claim}],
        }  # fmt: skip

    def add_person(self, username: str, *, name: str, groups: list[str]) -> None:
        self.ask("POST", "/user/", {
            "username": username, "name": name, "email": f"{username}@example.org", "password": PASSWORD,
            "enabled": True, "scope": ["openid"], "groups": groups,
        })  # fmt: skip

    def put_in_groups(self, username: str, groups: list[str]) -> None:
        person = self.ask("GET", f"/user/{username}").json()
        self.ask("PUT", f"/user/{username}", {**person, "groups": groups})

    def agree(self, username: str, url: str) -> dict[str, str]:
        """Sign in over there, agree to tell the portal who one is, and open what the portal sent the browser to.
        Answers the query of the way back to the portal."""
        with httpx.Client(timeout=10) as browser:
            body = {"username": username, "password": PASSWORD}
            assert browser.post(f"{self.url}/api/auth/", json=body).status_code == 200
            granted = browser.put(f"{self.url}/api/auth/grant/{CLIENT}", json={"scope": "openid"})
            assert granted.status_code == 200
            answer = browser.get(f"{url}&g_continue")
        assert answer.status_code == 302, answer.text
        found = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: values[0] for name, values in found.items()}


@contextmanager
def running_provider(folder: Path) -> Iterator[Provider]:
    """Yield it when it answers; it ends with the block."""
    program = find_glewlwyd()
    assert program
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    database = folder / "provider.db"
    subprocess.run(["sqlite3", database], input=SCHEMA.read_bytes(), check=True)
    (folder / "provider.conf").write_text(_configuration(port, url, database))
    log = (folder / "provider.log").open("wb")
    child = subprocess.Popen([program, "-c", folder / "provider.conf"], stdout=log, stderr=log)
    try:
        assert wait_until(lambda: _answers(url), seconds=20, pause=0.1), (folder / "provider.log").read_text()[-2000:]
        provider = Provider(url)
        yield provider
        provider.admin.close()
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=10)
        log.close()


def _configuration(port: int, url: str, database: Path) -> str:
    modules = {"user": "user", "client": "client", "user_auth_scheme": "scheme", "plugin": "plugin"}
    paths = "\n".join(f'{name}_module_path="{MODULES / folder}"' for name, folder in modules.items())
    return f"""
port={port}
bind_address="127.0.0.1"
external_url="{url}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="WARNING"
cookie_secure=0
session_expiration=3600
session_key="GLEWLWYD2_SESSION_ID"
login_api_enabled=true
admin_scope="g_admin"
profile_scope="g_profile"
{paths}
use_secure_connection=false
secure_connection_key_file=""
secure_connection_pem_file=""
secure_connection_ca_file=""
hash_algorithm="SHA512"
database = {{ type = "sqlite3"; path = "{database}"; }};
"""


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/config", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


def _key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
