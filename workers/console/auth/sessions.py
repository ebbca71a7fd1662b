"""Sessions: a signed cookie that says who logged in and when, and a token against forged forms."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from itsdangerous import BadData, URLSafeTimedSerializer

from workers.cli.errors import UserError

#: The name of the session's cookie.
COOKIE = "tierline_session"
#: Before anybody has logged in, a form's token is bound to this cookie.
VISITOR_COOKIE = "tierline_visitor"
_SECRET_MIN = 32
_COOKIE_MAX = 4096
#: Of sessions that were ended so many are remembered, the latest ones.
_ENDED_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Session:
    """Who is logged in; `key` is random and new with every login, `stamp` says with which password.

    `role` is what the organisation's provider said, or empty for a user of the file.
    """

    user: str
    key: str
    stamp: str
    role: str = ""


class Sessions:
    """Makes and reads sessions that one secret signs."""

    def __init__(self, secret: str, hours: float) -> None:
        self._secret = secret.encode()
        self._signer = URLSafeTimedSerializer(secret, salt="tierline session")
        self.seconds = int(hours * 3600)
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def cookie(self, user: str, stamp: str, role: str = "") -> str:
        """The cookie of a new session."""
        told = {"user": user, "key": secrets.token_urlsafe(16), "stamp": stamp, "role": role}
        return self._signer.dumps(told)

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None where it is forged, too old, or was ended."""
        try:
            told = self._signer.loads((cookie or "")[:_COOKIE_MAX], max_age=self.seconds)
            session = Session(*(str(told[part]) for part in ("user", "key", "stamp", "role")))
        except (BadData, KeyError, TypeError):
            return None
        return None if session.key in self._ended else session

    def end(self, key: str) -> None:
        """From now on a session is none, also for whoever has copied its cookie."""
        with self._lock:
            self._ended[key] = None
            while len(self._ended) > _ENDED_MAX:
                self._ended.popitem(last=False)

    def form_token(self, key: str) -> str:
        """What a form must carry; `key` is that of the session or of the visitor."""
        return hmac.new(self._secret, b"form " + key.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, token: str, key: str) -> bool:
        """Whether a form carried the right one."""
        return bool(key) and hmac.compare_digest(self.form_token(key).encode(), token.encode())


def secret_from(path: Path | None) -> str:
    """The secret of a file, or a new one, with which all sessions end when the process does."""
    if path is None:
        return secrets.token_hex(32)
    try:
        text = path.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "it is not text").lower()
        raise UserError(f"the file `{path}` of `console_secret_file` cannot be read: {reason}") from None
    if len(text) < _SECRET_MIN or "\n" in text:
        raise UserError(f"the file `{path}` must hold {_SECRET_MIN} characters or more on one line")
    return text
