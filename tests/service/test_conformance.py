"""The running service keeps to its contract, whatever schemathesis thinks of."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

CASES = int(os.environ.get("CONFORMANCE_CASES", "300"))


def test_generated_requests_are_answered_as_the_contract_says(service: httpx.Client, tmp_path: Path) -> None:
    # Four of the operations take input, and share the cases; the other ones have a dozen each.
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{service.base_url}/openapi.json",
            "--checks=all", f"--max-examples={CASES // 4}", "--seed=20261122", "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    print(done.stdout)

    assert done.returncode == 0, done.stdout
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert found
    assert int(found[1]) == int(found[2]) >= CASES
