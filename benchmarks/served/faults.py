"""The faults that the health-check test puts into the model of each server, through variables of the environment."""

import os
import time

LOAD_SECONDS, LOAD_FAILS, HANG_WHILE = "FAULT_LOAD_SECONDS", "FAULT_LOAD_FAILS", "FAULT_HANG_WHILE"
_GATE = os.environ.get(HANG_WHILE)


def loading() -> None:
    """Sleep for `FAULT_LOAD_SECONDS`, and then fail if `FAULT_LOAD_FAILS` is set."""
    time.sleep(float(os.environ.get(LOAD_SECONDS, "0")))
    if os.environ.get(LOAD_FAILS):
        raise RuntimeError("The model cannot be loaded: the test injected this fault.")


def predicting() -> None:
    """Hang while the file exists that `FAULT_HANG_WHILE` names."""
    while _GATE and os.path.exists(_GATE):  # noqa: PTH110  # quick: it is part of a measured prediction
        time.sleep(0.1)
