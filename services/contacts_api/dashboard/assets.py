"""Styles, scripts and pictures: served under an address that names their content, so they never
go stale.
"""

import gzip
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from starlette.responses import Response

STATIC = Path(__file__).with_name("static")
HTMX_PACKAGE: Final = "django_htmx"
HTMX_FILE: Final = "static/django_htmx/htmx-2.min.js"
# htmx 2.0.10. The wheel also holds beta files of another major version, so the one file is named
# and checked.
HTMX_SHA256: Final = "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de"
TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOREVER: Final = "public, max-age=31536000, immutable"
OWN: Final = ("app.css", "ui.js", "favicon.svg")


class WrongAssetError(RuntimeError):
    """The htmx file is missing or is not the one that the pages were written for."""


@dataclass(frozen=True)
class Asset:
    content: bytes
    gzipped: bytes
    media_type: str
    digest: str

    def response(self, gzip_accepted: bool) -> Response:
        headers = {
            "Cache-Control": FOREVER, "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }  # fmt: skip
        if gzip_accepted:
            headers["Content-Encoding"] = "gzip"
        return Response(
            self.gzipped if gzip_accepted else self.content,
            headers=headers,
            media_type=self.media_type,
        )


@dataclass(frozen=True)
class Assets:
    by_name: Mapping[str, Asset]

    @property
    def addresses(self) -> dict[str, str]:
        return {name: f"/static/{asset.digest[:12]}/{name}" for name, asset in self.by_name.items()}

    def find(self, version: str, name: str) -> Asset | None:
        asset = self.by_name.get(name)
        return asset if asset and asset.digest[:12] == version else None


def load_assets() -> Assets:
    """All files, read once. Raises `WrongAssetError` when htmx is not exactly the known file."""
    files = {name: (STATIC / name).read_bytes() for name in OWN}
    files["htmx.js"] = _htmx()
    return Assets({name: _asset(name, content) for name, content in files.items()})


def _asset(name: str, content: bytes) -> Asset:
    digest = hashlib.sha256(content).hexdigest()
    return Asset(content, gzip.compress(content, 9, mtime=0), TYPES[Path(name).suffix], digest)


def _htmx() -> bytes:
    spec = find_spec(HTMX_PACKAGE)
    if spec is None or spec.origin is None:
        raise WrongAssetError(f"{HTMX_PACKAGE} is not installed (requirements/assets.txt)")
    content = (Path(spec.origin).parent / HTMX_FILE).read_bytes()
    if not hmac.compare_digest(hashlib.sha256(content).hexdigest(), HTMX_SHA256):
        raise WrongAssetError(
            f"{HTMX_FILE} of {HTMX_PACKAGE} is another version than the pages expect"
        )
    return content
