"""Whether a request was signed with the secret of its access key.

Source: AWS General Reference / IAM User Guide, "Create a signed AWS API request" (Signature Version 4). Only for keys whose
secret the sandbox knows, in the Authorization header, and not for S3, whose paths and bodies are signed otherwise.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=[^/,\s]+/(?P<scope>(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request)\s*,"
    r"\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*Signature=(?P<signature>\S+)"
)
#: Headers that WSGI names otherwise.
_PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


@dataclass(frozen=True)
class Signed:
    """What was signed, as it came over the wire, and the signature."""

    scope: tuple[str, str, str]
    to_sign: bytes
    signature: str

    def fits(self, secret: str) -> bool:
        """Whether `secret` makes this signature."""
        key = f"AWS4{secret}".encode()
        for part in (*self.scope, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.compare_digest(hmac.new(key, self.to_sign, hashlib.sha256).hexdigest().encode(), self.signature.encode())


def signed(environ: dict[str, Any], body: bytes) -> Signed | None:
    """From the request as it was received, before its body is decompressed; None where it is signed otherwise."""
    found = _HEADER.fullmatch(environ.get("HTTP_AUTHORIZATION", "").strip())
    if found is None or found["service"] == "s3":
        return None
    names = found["headers"].split(";")
    headers = "".join(f"{name}:{' '.join(_value(environ, name).split())}\n" for name in names)
    path, _, query = str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).partition("?")
    body_hash = environ.get("HTTP_X_AMZ_CONTENT_SHA256") or hashlib.sha256(body).hexdigest()
    request = "\n".join(
        [environ["REQUEST_METHOD"], _path(path), "&".join(sorted(filter(None, query.split("&")))), headers, ";".join(names), body_hash]
    )
    digest = hashlib.sha256(request.encode("latin-1", "replace")).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", environ.get("HTTP_X_AMZ_DATE", ""), found["scope"], digest])
    return Signed((found["date"], found["region"], found["service"]), to_sign.encode(), found["signature"])


def _value(environ: dict[str, Any], name: str) -> str:
    return str(environ.get(_PLAIN.get(name) or f"HTTP_{name.upper().replace('-', '_')}", ""))


def _path(path: str) -> str:
    # Normalised, and each segment encoded once more than on the wire.
    plain = posixpath.normpath("/" + path.lstrip("/"))
    return quote(plain + ("/" if path.endswith("/") and plain != "/" else ""), safe="/~")
