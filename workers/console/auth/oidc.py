"""Logging in at the organisation's own provider: OpenID Connect, authorization code with PKCE.

The steps and checks are those of OpenID Connect Core 1.0 (sections 3.1.2 and 3.1.3.7) and RFC 7636. What the
provider must send back (state, nonce, verifier) is kept in a signed cookie of the browser that began.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from workers.clock import unix_seconds
from workers.console.auth.people import ROLES, Person, Role
from workers.settings.console import ConsoleSettings

#: The name of the cookie that lives from the first step to the last.
COOKIE: Final = "tierline_oidc"
#: Somebody has so long to log in at the provider.
SECONDS_MAX: Final = 600
#: Signatures with a key that the provider publishes; never `none`, never one that a shared secret makes.
_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
)
_TIMEOUT_S: Final = 10.0
#: Clocks may differ by so much.
_LEEWAY_S: Final = 60
_NAME_MAX: Final = 256


class ProviderAwayError(Exception):
    """The provider does not answer, or not as one does; the text says why."""


class LoginRefusedError(Exception):
    """What came back is no login; the text says why, for the log."""


class NoRoleError(Exception):
    """Somebody the provider knows, who has no role here."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that has begun: where the browser goes, and the cookie that it keeps meanwhile."""

    address: str
    cookie: str


class Provider:
    """The provider that the settings name; what it publishes of itself is asked for when first needed."""

    def __init__(self, settings: ConsoleSettings, secret: str) -> None:
        self._settings = settings
        self._issuer = str(settings.console_oidc_issuer)
        self._client_id = str(settings.console_oidc_client_id)
        self._signer = URLSafeTimedSerializer(secret, salt="tierline login at a provider")
        self._http = httpx2.Client(timeout=_TIMEOUT_S, follow_redirects=False)
        self._lock = Lock()
        self._about: dict[str, Any] | None = None
        self._keys: KeySet | None = None

    def begin(self, back: str, next_: str) -> Begun:
        """Begin a login that comes back to the address `back`. Raises ProviderAwayError."""
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        with self._client(back) as client:
            address, state = client.create_authorization_url(
                self._endpoint("authorization_endpoint"), nonce=nonce, code_verifier=verifier
            )
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "next": next_}
        return Begun(address, self._signer.dumps(kept))

    def finish(self, back: str, cookie: str | None, told: Mapping[str, str]) -> tuple[Person, str]:
        """Who has logged in, and where they wanted to go, from the cookie and what the provider sent.

        Raises LoginRefusedError, NoRoleError, ProviderAwayError.
        """
        try:
            kept = self._signer.loads(cookie or "", max_age=SECONDS_MAX)
        except BadData:
            raise LoginRefusedError("it did not begin in this browser, or too long ago") from None
        if not secrets.compare_digest(kept["state"].encode(), told.get("state", "").encode()):
            raise LoginRefusedError("it is not the login that this browser began")
        if told.get("iss", self._issuer) != self._issuer:
            raise LoginRefusedError("another provider sent it")
        if "code" not in told:
            raise LoginRefusedError(f"the provider says `{told.get('error', 'nothing')[:100]}`")
        claims = self._claims(self._token(back, told["code"], kept["verifier"]), kept["nonce"])
        return self._person(claims), str(kept["next"])

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _client(self, back: str) -> OAuth2Client:
        secret = self._settings.console_oidc_client_secret
        return OAuth2Client(
            client_id=self._client_id,
            client_secret=secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=self._settings.console_oidc_scope,
            redirect_uri=back,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
        )

    def _token(self, back: str, code: str, verifier: str) -> str:
        try:
            with self._client(back) as client:
                token = client.fetch_token(
                    self._endpoint("token_endpoint"), code=code, code_verifier=verifier
                )
        except OAuthError as error:
            raise LoginRefusedError(f"the provider says `{str(error.error)[:100]}`") from None
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderAwayError(_why(error)) from None
        found = token.get("id_token")
        if not isinstance(found, str):
            raise LoginRefusedError("the provider sent no ID token")
        return found

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """What an ID token says, once its signature and all that must be in it are checked."""
        try:
            read = self._read(token)
            jwt.JWTClaimsRegistry(
                now=lambda: int(unix_seconds()),
                leeway=_LEEWAY_S,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._client_id},
                nonce={"essential": True, "value": nonce},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
            ).validate(read)
        except (JoseError, ValueError, TypeError) as error:
            raise LoginRefusedError(f"its ID token is not valid: {_why(error)}") from None
        party = read.get("azp", self._client_id)
        if party != self._client_id:
            raise LoginRefusedError("its ID token was made for another program")
        return read

    def _read(self, token: str) -> dict[str, Any]:
        """Check the signature; where no key fits, with the keys that the provider has by now."""
        try:
            return jwt.decode(token, self._known_keys(), algorithms=list(_ALGORITHMS)).claims
        except (JoseError, ValueError):
            with self._lock:
                self._keys = None
            return jwt.decode(token, self._known_keys(), algorithms=list(_ALGORITHMS)).claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        named = self._settings.console_oidc_name_claim
        name = claims.get(named)
        if not isinstance(name, str) or not 0 < len(name) <= _NAME_MAX or not name.isprintable():
            raise LoginRefusedError(f"its ID token has no claim `{named}` that could be a name")
        if named == "email" and claims.get("email_verified") is False:
            raise LoginRefusedError("its address of electronic mail is not verified")
        return Person(name, self._role(claims))

    def _role(self, claims: Mapping[str, Any]) -> Role:
        """The highest role among those in the claim that the settings name, else the one for everybody."""
        found: Any = claims
        for part in self._settings.console_oidc_role_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        named = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        prefix = self._settings.console_oidc_role_prefix
        held = [role for role in ROLES if f"{prefix}{role}" in named]
        if held:
            return held[-1]
        everybody = next((role for role in ROLES if role == self._settings.console_oidc_role), None)
        if everybody is None:
            raise NoRoleError
        return everybody

    def _endpoint(self, name: str) -> str:
        about = self._published()
        address = about.get(name)
        if not isinstance(address, str):
            raise ProviderAwayError(f"`{self._issuer}` tells no `{name}` of itself")
        return address

    def _published(self) -> dict[str, Any]:
        with self._lock:
            if self._about is None:
                about = self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                if about.get("issuer") != self._issuer:
                    raise ProviderAwayError(
                        f"`{self._issuer}` calls itself `{str(about.get('issuer'))[:200]}`: name it so"
                    )
                self._about = about
            return self._about

    def _known_keys(self) -> KeySet:
        address = self._endpoint("jwks_uri")
        with self._lock:
            if self._keys is None:
                try:
                    self._keys = KeySet.import_key_set(self._get(address))  # type: ignore[arg-type]
                except (JoseError, KeyError, TypeError) as error:
                    raise ProviderAwayError(f"its keys cannot be read: {_why(error)}") from None
            return self._keys

    def _get(self, address: str) -> dict[str, Any]:
        try:
            body = self._http.get(address).raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderAwayError(_why(error)) from None
        if not isinstance(body, dict):
            raise ProviderAwayError(f"`{address}` is no JSON object")
        return body


def _why(error: Exception) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
