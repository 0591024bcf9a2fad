"""What went wrong with a remote, in one line: each storage backend has exceptions of its own."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from mlops_ci.errors import ToolError


@dataclass(frozen=True)
class _Trouble:
    """A kind of trouble: what it is, and how to mend it."""

    what: str
    hint: str


_NO_CREDENTIALS = _Trouble(
    "there are no credentials for it",
    "give the job the remote's credentials (for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or set them "
    "with `dvc remote modify --local`",
)
_EXPIRED = _Trouble("the credentials have expired", "get new ones and run it again")
_WRONG = _Trouble("the credentials are not accepted", "check that they are whole and belong to this remote")
# A question of S3 for what there is has an answer without words.
_WRONG_OR_EXPIRED = _Trouble(
    "the credentials are not accepted, or have expired", "get new ones and run it again"
)
_DENIED = _Trouble(
    "access is denied", "give these credentials the right to do that, or use those of somebody who has it"
)
_READ_ONLY = _Trouble(
    "the remote is read-only", "use credentials, or an address, with which the remote can be written"
)
_NO_BUCKET = _Trouble("there is no such bucket or folder", "check `url` of the remote in .dvc/config")
_BUSY = _Trouble("the remote has trouble of its own", "run it again in a few minutes")
_FULL = _Trouble("no space is left", "free some space")
_REFUSED = _Trouble("the connection was refused", "is the remote up, and are its address and port right?")
_UNKNOWN_HOST = _Trouble("there is no host of that name", "check the remote's address, and the network")
_UNREACHABLE = _Trouble("it cannot be reached", "check the remote's address, and the network")
_CUT = _Trouble("the connection broke off", "run it again; what came over whole is kept")
_SLOW = _Trouble(
    "it did not answer in time",
    "run it again; for a slow one raise `read_timeout` with `dvc remote modify`",
)
_CERTIFICATE = _Trouble(
    "its certificate is not trusted", "name the file with its authority: `dvc remote modify NAME ssl_verify`"
)
_ASKS = _Trouble(
    "it asks for a password, and nobody is there to type it",
    "give the right one with `dvc remote modify --local NAME password`, or use a key",
)
_UNKNOWN_KEY = _Trouble("its host key is not known", "add it to known_hosts of the job (ssh-keyscan)")

# Codes of S3 (HEAD answers have the status alone), statuses of HTTP.
_CODES = {
    "400": _WRONG_OR_EXPIRED,
    "401": _WRONG,
    "403": _DENIED,
    "405": _READ_ONLY,
    "407": _WRONG,
    "429": _BUSY,
    "500": _BUSY,
    "501": _READ_ONLY,
    "502": _BUSY,
    "503": _BUSY,
    "504": _BUSY,
    "507": _FULL,
    "AccessDenied": _DENIED,
    "AuthorizationHeaderMalformed": _WRONG,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "InternalError": _BUSY,
    "InvalidAccessKeyId": _WRONG,
    "InvalidClientTokenId": _WRONG,
    "InvalidToken": _WRONG,
    "MethodNotAllowed": _READ_ONLY,
    "NoSuchBucket": _NO_BUCKET,
    "RequestExpired": _EXPIRED,
    "RequestTimeout": _SLOW,
    "ServiceUnavailable": _BUSY,
    "SignatureDoesNotMatch": _WRONG,
    "SlowDown": _BUSY,
    "TokenRefreshRequired": _EXPIRED,
}

_NUMBERS = {
    errno.EACCES: _DENIED,
    errno.ECONNABORTED: _CUT,
    errno.ECONNREFUSED: _REFUSED,
    errno.ECONNRESET: _CUT,
    errno.EDQUOT: _FULL,
    errno.EHOSTUNREACH: _UNREACHABLE,
    errno.ENETUNREACH: _UNREACHABLE,
    errno.ENOSPC: _FULL,
    errno.EPERM: _DENIED,
    errno.EPIPE: _CUT,
    errno.EROFS: _READ_ONLY,
    errno.ETIMEDOUT: _SLOW,
}

# By the names of their classes: none of these packages need be installed.
_NAMES = {
    "ClientConnectorCertificateError": _CERTIFICATE,
    "ClientPayloadError": _CUT,
    "ConnectTimeoutError": _SLOW,
    "ConnectionClosedError": _CUT,
    "ConnectionLost": _CUT,
    "ConnectionTimeoutError": _SLOW,
    "CredentialRetrievalError": _NO_CREDENTIALS,
    "EOFError": _ASKS,
    "EndpointConnectionError": _UNREACHABLE,
    "FSTimeoutError": _SLOW,
    "HostKeyNotVerifiable": _UNKNOWN_KEY,
    "IncompleteReadError": _CUT,
    "NoCredentialsError": _NO_CREDENTIALS,
    "PartialCredentialsError": _NO_CREDENTIALS,
    "PermissionDenied": _WRONG,
    "ProfileNotFound": _NO_CREDENTIALS,
    "ReadTimeoutError": _SLOW,
    "ResponseStreamingError": _CUT,
    "SSOTokenLoadError": _NO_CREDENTIALS,
    "ServerDisconnectedError": _CUT,
    "UnauthorizedSSOTokenError": _EXPIRED,
}


def remote_error(error: BaseException, doing: str) -> ToolError:
    """What a storage backend raised, as one line: what was being done, what is wrong, how to mend it."""
    for one in _chain(error):
        trouble = _trouble(one)
        if trouble is not None:
            said = _said(one)
            return ToolError(f"{doing}: {trouble.what}{f' ({said})' if said else ''}", trouble.hint)
    return ToolError(
        f"{doing}: {_one_line(error) or type(error).__name__}",
        "check that the remote can be reached and that its credentials are set",
    )


def is_missing(error: BaseException) -> bool:
    """Whether a remote was asked for an object that it does not have, and nothing else is wrong with it."""
    return isinstance(error, FileNotFoundError) and not any(_trouble(one) for one in _chain(error))


def without_secrets(text: str) -> str:
    """A text whose addresses have no user, no password and no query, which may be a signature."""
    return re.sub(r"(://[^\s?'\"]*)\?[^\s'\"]*", r"\1", re.sub(r"(?<=://)[^/@\s]*@", "", text))


def _trouble(error: BaseException) -> _Trouble | None:
    """The kind of one exception, by what it says of itself; None where it says nothing that is known."""
    if (code := _code(error)) in _CODES:
        return _CODES[code]
    for kind in type(error).__mro__:
        if kind.__name__ in _NAMES:
            return _NAMES[kind.__name__]
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE
    if isinstance(error, socket.gaierror):
        return _UNKNOWN_HOST
    if isinstance(error, TimeoutError):
        return _SLOW
    return _NUMBERS.get(error.errno or 0) if isinstance(error, OSError) else None


def _code(error: BaseException) -> str:
    """The code of an answer: of S3, or the status of HTTP."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        return str(answer.get("Error", {}).get("Code", ""))
    return str(getattr(error, "status", ""))


def _said(error: BaseException) -> str:
    """What tells two troubles of a kind apart: the code, or the system's own words."""
    code = _code(error)
    if code:
        return f"HTTP status {code}" if code.isdigit() else code
    return (error.strerror or "") if isinstance(error, OSError) and error.errno in _NUMBERS else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and everything that caused it, the innermost first."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return reversed(found)


def _one_line(error: BaseException) -> str:
    return without_secrets(" ".join(str(error).split()))
