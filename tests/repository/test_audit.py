"""`make audit` fails for a vulnerable package, and for one that it could not check."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.repository.test_makefile import last_words, make

LOCK = f"""\
safe==1.0 \\
    --hash=sha256:{"0" * 64}
elsewhere==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:{"1" * 64}
"""
VULNERABILITY: dict[str, Any] = {
    "id": "PYSEC-2026-1",
    "summary": "It burns.",
    "affected": [{"package": {"name": "elsewhere", "ecosystem": "PyPI"}, "versions": ["2.0"]}],
}


class Database(http.server.BaseHTTPRequestHandler):
    """Answers like OSV, and knows of one vulnerability at most."""

    vulnerable: str | None = None

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        answer = json.dumps({"vulns": [VULNERABILITY]} if asked == self.vulnerable else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def database() -> Iterator[dict[str, str]]:
    """Yield the environment in which pip-audit asks this database."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Database) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        yield {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": url, "no_proxy": "127.0.0.1"}
        server.shutdown()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text(LOCK)
    return path


def test_locks_without_a_known_vulnerability_pass(database: dict[str, str], lock: Path) -> None:
    done = make("audit", f"LOCKS={lock}", **database)

    assert done.returncode == 0, done.stderr


def test_a_vulnerable_package_for_another_system_fails(
    database: dict[str, str], lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "vulnerable", "elsewhere")

    done = make("audit", f"LOCKS={lock}", **database)

    assert last_words(done) == f"Vulnerable, or not checked: {lock}"
    assert VULNERABILITY["id"] in done.stdout


def test_the_audit_fails_if_the_database_does_not_answer(lock: Path, database: dict[str, str]) -> None:
    database["PIP_AUDIT_OSV_URL"] = "http://127.0.0.1:9/"  # where nothing listens

    assert last_words(make("audit", f"LOCKS={lock}", **database)) == f"Vulnerable, or not checked: {lock}"


def test_a_skipped_package_fails_and_the_other_locks_are_still_checked(tmp_path: Path, lock: Path) -> None:
    """pip-audit skips a package that PyPI does not know, and then ends with 0 unless it is strict."""
    (tmp_path / "bin").mkdir()
    audit = tmp_path / "bin" / "pip-audit"
    audit.write_text('#!/bin/sh\ncase "$*" in *--strict*) echo "ERROR: skipped" >&2; exit 1; esac\n')
    audit.chmod(0o755)
    (tmp_path / ".installed").touch()

    done = make("audit", f"PROJECT={tmp_path}", f"LOCKS={lock} {lock}")

    assert last_words(done) == f"Vulnerable, or not checked: {lock} {lock}"
