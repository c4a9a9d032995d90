"""Models that hang, crash, fail at length and check themselves on command."""

import ctypes
import time
from pathlib import Path
from typing import Any

from tests.service.models import Echo, Input, Output, wait_for


class Sticky(Echo):
    """Waits for the file `gate` where the number is 1, and notes each number that it predicts in the file `notes`."""

    def __init__(self, gate: str, notes: str) -> None:
        super().__init__()
        self._gate = gate
        self._notes = Path(notes)
        self._notes.touch()

    def predict(self, data: Any) -> Output:
        with self._notes.open("a") as notes:
            notes.write(f"{data.number:g} ")
        if data.number == 1:
            wait_for(self._gate)
        return super().predict(data)


class Crashing(Echo):
    def predict(self, data: Any) -> Output:
        ctypes.string_at(0)
        return super().predict(data)


class Holding(Echo):
    """Holds the interpreter's lock for as many seconds as the number says, and writes start and end to `notes`."""

    def __init__(self, notes: str) -> None:
        super().__init__()
        self._notes = Path(notes)

    def predict(self, data: Any) -> Output:
        start = time.monotonic()
        ctypes.PyDLL(None).sleep(int(data.number))  # PyDLL keeps the lock, unlike CDLL
        self._notes.write_text(f"{start} {time.monotonic()}")
        return super().predict(data)


class Verbose(Echo):
    def predict(self, data: Any) -> Output:
        raise RuntimeError("long " * 10_000)


class Checked(Echo):
    """Finds out in its check that 1 is not `expected`."""

    artifact_digest = "0123456789abcdef" * 4

    def __init__(self, expected: float = 1) -> None:
        super().__init__()
        self._expected = expected

    def self_check(self) -> None:
        found = self.predict(Input(number=1)).number
        if found != self._expected:
            raise RuntimeError(f"expected {self._expected:g}, found {found:g}")
