"""Who may ask: everybody on this machine, or whoever knows the token. A token is never printed or logged."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..exceptions import OptionError

__all__ = ["TOKEN_VARIABLE", "Address", "Token", "is_loopback_name", "read_token", "resolve"]

TOKEN_VARIABLE = "FEDSS_OPT_TOKEN"

_SHORTEST_TOKEN = 16
_LONGEST_TOKEN = 4096


@dataclass(frozen=True)
class Token:
    """A secret that can be compared and not be read: what is kept is its digest."""

    _digest: bytes = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Token:
        """Keep a token.

        Raises
        ------
        OptionError
            When it is shorter than 16 characters or not printable ASCII without spaces, as a header needs it.
        """
        if not (_SHORTEST_TOKEN <= len(text) <= _LONGEST_TOKEN):
            raise OptionError(f"the token has {len(text)} characters; must have {_SHORTEST_TOKEN} to {_LONGEST_TOKEN}")
        if not all("!" <= character <= "~" for character in text):
            raise OptionError("the token must be printable ASCII without spaces; make one with: openssl rand -hex 32")
        return cls(_digest_of(text.encode("ascii")))

    def matches(self, header: bytes | None) -> bool:
        """Tell whether an ``Authorization`` header carries this token, in a time that does not depend on how nearly.

        Examples
        --------
        >>> Token.of("0123456789abcdef").matches(b"Bearer 0123456789abcdef")
        True
        """
        scheme, _, given = (header or b"").partition(b" ")
        same = hmac.compare_digest(_digest_of(given.strip(b" ")), self._digest)
        return scheme.lower() == b"bearer" and same


def _digest_of(text: bytes) -> bytes:
    # Digests have one length, so that not even the token's length shows in the time of a comparison.
    return hashlib.sha256(text).digest()


def read_token(file: Path | None, environment: Mapping[str, str]) -> Token | None:
    """Read the token from a file or, without one, from the variable ``FEDSS_OPT_TOKEN``; None where there is neither.

    Raises
    ------
    OptionError
        When it is no token; the message does not quote it.
    OSError
        When the file cannot be read.
    """
    source = str(file) if file is not None else TOKEN_VARIABLE
    if file is not None:
        text = file.read_bytes().decode("utf-8", errors="replace")
    elif TOKEN_VARIABLE in environment:
        text = environment[TOKEN_VARIABLE]
    else:
        return None
    try:
        return Token.of(text.strip())
    except OptionError as error:
        raise OptionError(f"{source}: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where to listen: a numeric address of IPv4 or IPv6, and a port; 0 takes any free one."""

    host: str
    port: int
    family: socket.AddressFamily

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback

    @contextmanager
    def listen(self) -> Iterator[socket.socket]:
        """Bind a socket; `OSError` where the address is not to be had, or another server has bound it."""
        with ExitStack() as sockets:
            try:
                if self.port and sys.platform == "linux":
                    # There two servers may bind one port, as long as neither hears anybody yet.
                    place = sockets.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                    place.bind(f"\0fedss-opt {self.host} {self.port}")
                listener = sockets.enter_context(socket.socket(self.family, socket.SOCK_STREAM))
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((self.host, self.port))
            except OSError as error:
                raise OSError(error.errno, error.strerror, f"{self.host} port {self.port}") from None
            yield listener


def is_loopback_name(host: bytes) -> bool:
    """Tell whether a ``Host`` header names this machine as it names itself, with or without a port.

    Examples
    --------
    >>> is_loopback_name(b"localhost:8080"), is_loopback_name(b"[::1]"), is_loopback_name(b"evil.example")
    (True, True, False)
    """
    found = _HOST.fullmatch(host.decode("latin-1").lower())
    if found is None:
        return False
    name = found["v6"] or found["name"]
    if name.rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


_HOST = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<name>[^:\[\]]+))(?::\d{0,5})?")


def resolve(host: str, port: int, token: Token | None) -> Address:
    """Find the address of a name, and refuse to be reached from elsewhere without a token.

    Raises
    ------
    OptionError
        For an unknown host, a port that is none, or an address beyond loopback without a token.

    Examples
    --------
    >>> resolve("127.0.0.1", 8080, None).is_loopback
    True
    """
    if not 0 <= port <= 65535:
        raise OptionError(f"port = {port}: must be 0 to 65535")
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise OptionError(f"host = {host!r}: {getattr(error, 'strerror', None) or error}") from None
    address = Address(host=str(place[0]), port=port, family=family)
    if not address.is_loopback and token is None:
        raise OptionError(
            f"host = {host!r}: is reached from other machines, which needs a token: put one into a file "
            f"(--token-file) or into {TOKEN_VARIABLE}"
        )
    return address
