from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

_HINTS = {
    "unauthorized": "Set CORRAL_TOKEN to the token of the server, or to a key of it.",
    "forbidden": "Another key may have that right.",
    "rate_limited": "Wait a minute, and check the token.",
    "unreachable": "Start it there (npm start), or set CORRAL_URL to another address.",
}
_STATUS_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "payload_too_large",
    422: "invalid_request",
    429: "rate_limited",
    501: "unsupported",
}


class CorralError(Exception):
    """A failed call: what happened, which server was called, and what to do next.

    `code` is the server's code, or `unreachable` when nothing answered or the connection broke. `docs` is the address of the
    guide's page about it, if there is one.
    """

    def __init__(
        self, code: str, text: str, *, address: str, retryable: bool = False, docs: str | None = None
    ) -> None:
        self.code = code
        self.address = address
        self.hint = _HINTS.get(code)
        self.retryable = retryable
        self.docs = None if docs is None else urljoin(address, docs)
        super().__init__(text if self.hint is None else f"{text} {self.hint}")


def unreachable(address: str, cause: Exception) -> CorralError:
    reason = str(cause) or type(cause).__name__
    return CorralError(
        "unreachable", f"No Corral server answers at {address} ({reason}).", address=address, retryable=True
    )


def cut_off(address: str) -> CorralError:
    return CorralError(
        "unreachable", f"The connection to {address} was lost before the output ended.", address=address, retryable=True
    )


def refusal(address: str, status: int, reply: Any) -> CorralError:
    """The error in a refused answer, of tRPC or of a plain route."""
    if isinstance(reply, dict) and isinstance(reply.get("error"), dict):
        return from_server(address, reply["error"].get("data") or {}, str(reply["error"].get("message")))
    if isinstance(reply, dict) and "detail" in reply:
        detail = reply["detail"]
        text = detail if isinstance(detail, str) else "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in detail)
        retryable = status >= 500 and status != 501
        return CorralError(_STATUS_CODES.get(status, "internal"), text, address=address, retryable=retryable)
    return CorralError("unreachable", f"{address} answered with status {status} and is not a Corral server.", address=address)


def from_server(address: str, data: Any, message: str) -> CorralError:
    code = data.get("reason") or data.get("code") or "internal"
    docs = data.get("docs")
    return CorralError(
        str(code),
        message,
        address=address,
        retryable=bool(data.get("retryable")),
        docs=docs if isinstance(docs, str) else None,
    )
