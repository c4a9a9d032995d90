"""The head of a request, before the application sees it: where it ends, whether it is right, and its upgrade."""

import httptools

from credit_risk_model.service.connections import ConnectionLimits
from credit_risk_model.service.errors import Refusal, malformed
from credit_risk_model.service.responses import Header

_END = b"\r\n\r\n"  # of a head and of a chunked body; the parser accepts no other line ends
OVERLAP = len(_END) - 1  # bytes of one packet with which the end may begin


def end(before: bytes, data: bytes, start: int) -> int:
    """Return where the first end of a head after `start` ends, or the length of the data.

    Args:
        before: the last bytes of the packet before, if `start` is the first byte of the data.
        data: what has arrived.
        start: the first byte that is not parsed.
    """
    if before:
        split = (before + data[:OVERLAP]).find(_END)
        if split >= 0:
            return split + len(_END) - len(before)
    position = data.find(_END, start)
    return len(data) if position < 0 else position + len(_END)


def problem(
    parser: httptools.HttpRequestParser,
    headers: list[Header],
    fields: dict[bytes, bytes],
    size: int,
    limits: ConnectionLimits,
) -> Refusal | None:
    """Return why a complete head is refused; `fields` are its headers without repetitions, `size` is in bytes."""
    if b"host" not in fields:
        if parser.get_http_version() != "1.0":
            return malformed("The Host header is missing.")
    elif len(fields) < len(headers) and [name for name, _ in headers].count(b"host") > 1:
        return malformed("There is more than one Host header.")
    return too_long(headers, size, limits)


def too_long(headers: list[Header], size: int, limits: ConnectionLimits) -> Refusal | None:
    """Return why a head or trailer, complete or not, is refused."""
    if size > limits.head_bytes or len(headers) > limits.header_count:
        return malformed(f"The head is longer than {limits.head_bytes} bytes or {limits.header_count} headers.")
    return None


def without_upgrade(method: bytes, target: bytes, version: str, headers: list[Header]) -> bytes:
    """Return the head as bytes, without its Upgrade header."""
    lines = [b"%s %s HTTP/%s" % (method, target, version.encode())]
    lines += [b"%s: %s" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join([*lines, b"", b""])
