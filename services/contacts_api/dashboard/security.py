"""What a browser is told to allow, and how a form proves that it came from one of our own pages."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'; trusted-types default"
)
PAGE_HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
    "Vary": "Cookie, HX-Request, HX-Target",
}
TOKEN_BYTES: Final = 32
FETCHED_FROM_HERE: Final = frozenset({"same-origin", "none"})


def is_from_here(headers: Mapping[str, str], public_url: str = "") -> bool:
    """Whether this request was started by a page of this very origin.

    A browser always sends ``Origin`` or ``Sec-Fetch-Site`` with a form, so that a request with
    neither is refused as well. ``public_url`` is where people reach the dashboard, should a proxy
    pass on another ``Host``.
    """
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None and site not in FETCHED_FROM_HERE:
        return False
    if origin is not None:
        here = {headers.get("host", ""), urlsplit(public_url).netloc} - {""}
        return urlsplit(origin).netloc in here
    return site is not None


class Csrf:
    """Tokens bound to one cookie. Each is masked anew: a compressed page never holds the same
    one twice.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"dashboard:csrf", hashlib.sha256)

    def token(self, cookie: str) -> str:
        mask = secrets.token_bytes(TOKEN_BYTES)
        return base64.urlsafe_b64encode(mask + _xor(mask, self._bound(cookie))).decode()

    def accepts(self, cookie: str, token: str) -> bool:
        try:
            raw = base64.urlsafe_b64decode(token.encode())
        except ValueError:
            return False
        if len(raw) != 2 * TOKEN_BYTES:
            return False
        return hmac.compare_digest(_xor(raw[:TOKEN_BYTES], raw[TOKEN_BYTES:]), self._bound(cookie))

    def _bound(self, cookie: str) -> bytes:
        return hmac.digest(self._key, cookie.encode("utf-8", "surrogatepass"), hashlib.sha256)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
