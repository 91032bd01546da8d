"""OpenID Connect: the authorization code flow with PKCE, state and nonce, and the checks of what comes back.

The signature of every id token is checked, although it came over a connection of our own: a provider that is led astray
by its own cache or proxy must not sign in anybody.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import jwt
from django.conf import settings
from django.urls import reverse

from accounts.models import SignInProvider
from core import clock

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
TIMEOUT_S = 10.0
LARGEST = 512 * 1024
LEEWAY_S = 60
LIFE_S = 600  # between the button and the way back


class ProviderFailed(Exception):
    """The provider did not do what it should; the message is for whoever wants to sign in."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What one browser is underway for: kept in its session until the provider sends it back."""

    provider: str
    state: str
    nonce: str
    verifier: str
    purpose: str
    to: str
    since: float

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def redirect_uri(provider: SignInProvider) -> str:
    return f"{settings.PUBLIC_URL}{reverse('provider_callback', args=[provider.key])}"


def begin(provider: SignInProvider, *, purpose: str, to: str) -> tuple[str, Errand]:
    """Where to send the browser, and what to remember of it."""
    errand = Errand(
        provider=provider.key,
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        purpose=purpose,
        to=to,
        since=clock.real_now().timestamp(),
    )
    challenge = _base64(hashlib.sha256(errand.verifier.encode()).digest())
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri(provider),
        "scope": provider.scopes,
        "state": errand.state,
        "nonce": errand.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if purpose == "confirm":
        asked |= {"prompt": "login", "max_age": "0"}
    endpoint = discover(provider)["authorization_endpoint"]
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", errand


def finish(provider: SignInProvider, *, errand: Errand, answer: dict[str, str]) -> dict[str, Any]:
    """The checked claims about whoever came back; raises `ProviderFailed` saying what is wrong."""
    if not hmac.compare_digest(answer.get("state", ""), errand.state) or errand.provider != provider.key:
        raise ProviderFailed("The answer does not belong to this browser. Begin again.")
    if clock.real_now().timestamp() - errand.since > LIFE_S:
        raise ProviderFailed("That took too long. Begin again.")
    if answer.get("error"):
        raise ProviderFailed(_refusal(provider, answer["error"]))
    about = discover(provider)
    if answer.get("iss") not in (None, about["issuer"]):
        raise ProviderFailed(f"{provider.name} did not send this answer.")
    tokens = _exchange(provider, about, errand, answer.get("code", ""))
    claims = check_id_token(provider, tokens, about=about, nonce=errand.nonce)
    return _with_user_info(about, tokens, claims)


def discover(provider: SignInProvider) -> dict[str, Any]:
    """What the provider says about itself, under the issuer that was configured and no other."""
    _require_private(provider.issuer)
    about = _fetch("GET", f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
    needed = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
    if not all(isinstance(about.get(name), str) for name in needed):
        raise ProviderFailed(f"{provider.name} does not describe itself as a provider does.")
    if about["issuer"].rstrip("/") != provider.issuer.rstrip("/"):
        raise ProviderFailed(f"{provider.name} calls itself {about['issuer'][:100]}, not as its configured issuer.")
    for name in (*needed, "userinfo_endpoint"):
        _require_private(about.get(name) or provider.issuer)
    return about


def _require_private(url: Any) -> None:
    """Codes, tokens and our secret travel by https; plain http is for a provider on this machine."""
    parts = urlsplit(str(url))
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
        raise ProviderFailed("A provider is reached by https only.")


def check_id_token(
    provider: SignInProvider, tokens: dict[str, Any], *, about: dict[str, Any], nonce: str
) -> dict[str, Any]:
    """Signature, issuer, audience, time, nonce and the hash of the access token."""
    token = tokens.get("id_token")
    if not isinstance(token, str):
        raise ProviderFailed(f"{provider.name} sent no id token.")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            _key_of(token, about["jwks_uri"]),
            algorithms=ALGORITHMS,
            audience=provider.client_id,
            issuer=about["issuer"],
            leeway=LEEWAY_S,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.InvalidAudienceError:
        raise ProviderFailed("The id token was made for somebody else.") from None
    except jwt.PyJWTError:
        raise ProviderFailed("The id token does not hold: its signature, issuer or time is wrong.") from None
    if not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
        raise ProviderFailed("The id token does not belong to this browser.")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise ProviderFailed("The id token was made for somebody else.")
    _check_hash(tokens, claims, jwt.get_unverified_header(token)["alg"])
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise ProviderFailed("The id token names nobody.")
    return claims


def _check_hash(tokens: dict[str, Any], claims: dict[str, Any], algorithm: str) -> None:
    if "at_hash" not in claims:
        return
    bits = algorithm[-3:] if algorithm[-3:] in ("256", "384", "512") else "512"
    digest = hashlib.new(f"sha{bits}", str(tokens.get("access_token", "")).encode()).digest()
    if not hmac.compare_digest(str(claims["at_hash"]), _base64(digest[: len(digest) // 2])):
        raise ProviderFailed("The id token does not belong to the access token beside it.")


def _key_of(token: str, url: str) -> Any:
    """The key that the token names among those that the provider publishes."""
    keys = jwt.PyJWKSet.from_dict(_fetch("GET", url)).keys
    wanted = jwt.get_unverified_header(token).get("kid")
    fitting = [key for key in keys if wanted is None or key.key_id == wanted]
    if not fitting or (wanted is None and len(fitting) > 1):
        raise jwt.InvalidTokenError("no key fits")
    return fitting[0]


def _exchange(provider: SignInProvider, about: dict[str, Any], errand: Errand, code: str) -> dict[str, Any]:
    if not 0 < len(code) <= 4000:
        raise ProviderFailed(f"{provider.name} sent no code.")
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(provider),
        "code_verifier": errand.verifier,
        "client_id": provider.client_id,
    }
    secret, auth = provider.client_secret, None
    if secret and "client_secret_basic" in about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
        auth = httpx.BasicAuth(provider.client_id, secret)
    elif secret:
        body["client_secret"] = secret
    return _fetch("POST", about["token_endpoint"], data=body, auth=auth)


def _with_user_info(about: dict[str, Any], tokens: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    """The claims with what the provider tells beside the token; of the same person, and never over what was signed."""
    url, token = about.get("userinfo_endpoint"), tokens.get("access_token")
    if not isinstance(url, str) or not isinstance(token, str):
        return claims
    told = _fetch("GET", url, headers={"Authorization": f"Bearer {token}"})
    if told.get("sub") != claims["sub"]:
        raise ProviderFailed("The provider tells of two different people.")
    return {**told, **claims}


def _fetch(method: str, url: str, **more: Any) -> dict[str, Any]:
    """One bounded request that follows nobody; what goes wrong is told without what was sent."""
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
            client.stream(method, url, **more) as response,
        ):
            body = b""
            for piece in response.iter_bytes():
                body += piece
                if len(body) > LARGEST:
                    raise ProviderFailed("The provider's answer is too large.")
            found = httpx.Response(response.status_code, content=body)
        if found.status_code != 200:
            raise ProviderFailed(f"The provider answered {found.status_code} to a request of the portal.")
        told = found.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        raise ProviderFailed("The provider cannot be reached, or its answer cannot be read.") from None
    if not isinstance(told, dict):
        raise ProviderFailed("The provider's answer cannot be read.")
    return told


def _refusal(provider: SignInProvider, error: str) -> str:
    known = {
        "access_denied": f"{provider.name} refused, or you did not agree.",
        "login_required": f"{provider.name} wants you to sign in there first.",
        "invalid_scope": f"{provider.name} does not know what the portal asks for. Tell an administrator.",
        "unauthorized_client": f"{provider.name} does not know this portal. Tell an administrator.",
        "temporarily_unavailable": f"{provider.name} is busy. Try again in a moment.",
    }
    return known.get(error, f"{provider.name} did not let you in.")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
