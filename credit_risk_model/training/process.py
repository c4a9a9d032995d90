"""Runs the commands of the training as processes that Ctrl-C ends with one line."""

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

EXIT_INTERRUPTED = 130


def prepare() -> None:
    """Prepare the process. Call this before LightGBM is imported, because OpenMP reads the environment then.

    By default, OpenMP's threads spin while they wait for each other. On a machine that is busy with other work, they
    wait for a thread that does not run: a fit took 20 s, and 2 s when they slept.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    signal.signal(signal.SIGINT, lambda *_: _interrupted("Nothing was done."))


def run(command: Callable[[], int], advice: str) -> NoReturn:
    """Run the command and end the process with its exit code; after Ctrl-C, print `advice` and end with 130."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = command()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is written, and to unload the libraries takes a while
    except KeyboardInterrupt:
        _interrupted(advice)
    sys.exit(code)


def _interrupted(advice: str) -> NoReturn:
    sys.stdout.flush()
    print(f"Interrupted. {advice}", file=sys.stderr, flush=True)
    os._exit(EXIT_INTERRUPTED)
