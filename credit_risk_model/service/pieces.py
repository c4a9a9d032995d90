"""Received bytes, cut where the head or the body of a request may end."""

_END = b"\r\n\r\n"  # of a head and of a chunked body; the parser accepts no other line ends


class Pieces:
    """What a connection has received and the parser has not.

    A piece never has bytes of two requests, which is what lets the parser stop after each one.
    """

    def __init__(self) -> None:
        self._data = b""
        self._start = 0
        self._before = b""  # the last bytes of the previous packet, as the end may be split between two packets

    def __bool__(self) -> bool:
        return self._start < len(self._data)

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return len(self._data)

    def add(self, data: bytes) -> None:
        """Take a packet."""
        self._data = self._data[self._start :] + data if self else data
        self._start = 0

    def take(self, body_left: int) -> bytes:
        """Return the next piece.

        Args:
            body_left: bytes of the body that are still to come; 0 in a head, and in a chunked body.
        """
        data, start = self._data, self._start
        end = min(len(data), start + body_left) if body_left else self._find_end()
        piece = data if end - start == len(data) else data[start:end]
        if end == len(data):
            self._before = (self._before + piece[-3:])[-3:]
            self._data = b""
            self._start = 0
        else:
            self._before = b""
            self._start = end
        return piece

    def clear(self) -> None:
        """Forget what is left."""
        self._data = b""
        self._start = 0

    def _find_end(self) -> int:
        data, start = self._data, self._start
        if self._before and start == 0:
            split = (self._before + data[:3]).find(_END)
            if split >= 0:
                return split + len(_END) - len(self._before)
        end = data.find(_END, start)
        return len(data) if end < 0 else end + len(_END)
