"""An OpenID Connect provider on this machine, which checks what is asked of it as a real one does."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "tierline-console", "the secret of the client"


class FakeProvider:
    """Logs in whoever comes; what it says of them is `claims`, and `forge` may change what it signs."""

    def __init__(self) -> None:
        self.address = ""
        self.claims: dict[str, Any] = {"email": "anna@example.com", "roles": ["tierline-operator"]}
        self.header: dict[str, Any] = {"alg": "RS256"}
        self.forged: dict[str, Any] = {}
        self.renew_keys()
        self.signing: Any = self.key
        self.refuses = False
        self.calls_itself: str | None = None
        self._codes: dict[str, dict[str, str]] = {}

    def renew_keys(self) -> None:
        self.key = RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig"}, auto_kid=True)
        self.signing = self.key

    def authorize(self, address: str) -> str:
        """What a browser does that is sent here: the address to which it is sent back."""
        parts = urlsplit(address)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.address}/authorize"
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        if self.refuses:
            told = {"error": "access_denied", "state": asked["state"]}
        else:
            code = f"code-{len(self._codes)}"
            self._codes[code] = asked
            told = {"code": code, "state": asked["state"], "iss": self.address}
        return f"{asked['redirect_uri']}?{urlencode(told)}"

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.calls_itself or self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
            }
        if path == "/keys":
            return 200, KeySet([self.key]).as_dict(private=False)
        return self._token(form, authorization)

    def _token(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization not in (basic, basic.replace(" ", "%20")):
            return 401, {"error": "invalid_client"}
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 60}
        claims |= {"nonce": asked["nonce"]} | self.claims | self.forged
        kept = {name: value for name, value in claims.items() if value is not None}
        header = {**self.header, "kid": self.signing.kid} if self.signing is not None else self.header
        token = jwt.encode(header, kept, self.signing, algorithms=[header["alg"]])
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": token}


@contextmanager
def running() -> Iterator[FakeProvider]:
    """A provider that answers on a free port."""
    provider = FakeProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(*provider.answer(self.path, {}, ""))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(*provider.answer(self.path, form, self.headers.get("authorization", "")))

        def _say(self, status: int, body: Any) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.address = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
