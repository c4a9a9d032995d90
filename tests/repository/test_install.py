"""How a new machine gets its environments: the Makefile, and the uv that pip brings."""

import hashlib
import http.server
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.results import ENVIRONMENTS
from tests.conftest import ROOT, until
from tests.repository.test_makefile import last_words

# The Pythons of this machine; a test may need an old one, or an old pip.
PYTHONS = sorted(
    {
        str(path.resolve())
        for folder in ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", f"{Path.home()}/.pyenv/versions/*/bin")
        for path in Path("/").glob(f"{folder}/python3.*"[1:])
        if path.name.removeprefix("python3.").isdigit()
    }
)
# None of these reaches a test: it has an index and a configuration of its own.
_OF_AN_INSTALLER = ("PIP_", "UV_", "CREDIT_RISK_", "PYTHON", "SSL_CERT", "MAKE", "MFLAGS")


def version_of(python: str, module: str = "platform") -> tuple[int, ...]:
    """Return the version of a Python, or of a module in it; an empty one where it is not there."""
    version = "platform.python_version()" if module == "platform" else f"{module}.__version__"
    done = subprocess.run(
        [python, "-c", f"import {module}; print({version})"], capture_output=True, text=True, check=False
    )
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:3])


def wheel(folder: Path, name: str, version: str, *metadata: str, files: dict[str, str] | None = None) -> str:
    """Write a wheel with these files and no module; return its SHA-256."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    information = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        fields = ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata)
        archive.writestr(f"{information}/METADATA", "\n".join(fields) + "\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        for member, text in (files or {}).items():
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, text)
        archive.writestr(f"{information}/RECORD", "".join(f"{member},,\n" for member in archive.namelist()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What installs, in a folder with a space in its name, and a lock with a package that wants an extra of another."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("Makefile", "uv.sh", "uv_requirements.txt"):
        shutil.copy(ROOT / name, folder)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wanting = wheel(wheels, "wanting", "1", "Requires-Dist: wanted[toml]>=1")
    wanted = wheel(wheels, "wanted", "1", "Provides-Extra: toml")
    wheel(wheels, "wanted", "2", "Provides-Extra: toml")
    (folder / "service_requirements.txt").write_text(
        f"wanted==1 --hash=sha256:{wanted}\nwanting==1 --hash=sha256:{wanting}\n"
    )
    return folder


@pytest.fixture
def with_uv(checkout: Path) -> Path:
    """The checkout after uv was brought, from that of the real one."""
    subprocess.run([ROOT / "uv.sh", "--version"], check=True, capture_output=True)
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "uv").symlink_to(ENVIRONMENTS / "uv")
    return checkout


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with an empty home and no settings; this Python is the first of the path."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OF_AN_INSTALLER)}
    path = f"{Path(sys.executable).parent}:{kept['PATH']}"
    return kept | {
        "HOME": str(home),
        "PATH": path,
        "UV_PYTHON_DOWNLOADS": "never",
        "XDG_CACHE_HOME": str(home / "cache"),
    }


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The address of an index of the wheels, which answers as a proxy for any other host, too."""

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            part = self.path.rstrip("/").rpartition("/")[2]
            wheels = sorted((tmp_path / "wheels").glob(f"{part.removesuffix('.whl')}*.whl"))
            body = b"".join(b'<a href="/files/%b">%b</a>' % (path.name.encode(), path.name.encode()) for path in wheels)
            if part.endswith(".whl"):
                body = wheels[0].read_bytes()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/octet-stream" if part.endswith(".whl") else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def installing(checkout: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    target = [] if any("=" not in argument for argument in arguments) else [".venv/service/.installed"]
    return subprocess.run(
        ["make", *target, *arguments], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


def installed(environment: Path) -> set[str]:
    return {path.name.removesuffix(".dist-info") for path in environment.glob("lib/*/site-packages/want*.dist-info")}


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_exactly_the_lock_is_installed_whatever_is_released_later(
    with_uv: Path, environment: dict[str, str], index: str, variable: str
) -> None:
    done = installing(with_uv, environment | {variable: index})

    assert done.returncode == 0, done.stderr
    assert installed(with_uv / ".venv" / "service") == {"wanted-1", "wanting-1"}


@pytest.mark.parametrize("section", ["global", "install"])
def test_the_configuration_of_pip_holds_for_uv(
    with_uv: Path, environment: dict[str, str], index: str, section: str
) -> None:
    (Path(environment["HOME"]) / ".config" / "pip").mkdir(parents=True)
    (Path(environment["HOME"]) / ".config" / "pip" / "pip.conf").write_text(f"[{section}]\nindex-url = {index}\n")

    done = installing(with_uv, environment | {"XDG_CONFIG_HOME": f"{environment['HOME']}/.config"})

    assert done.returncode == 0, done.stderr
    assert installed(with_uv / ".venv" / "service") == {"wanted-1", "wanting-1"}


@pytest.fixture
def locked(with_uv: Path, environment: dict[str, str], index: str) -> Callable[..., dict[str, str]]:
    """Runs make with these arguments, and returns for each lock the packages and versions that it then has."""
    (with_uv / "uv.sh").write_text('#!/bin/sh\nexec .venv/uv/bin/uv "$@"\n')  # whatever its lock has

    def lock(*arguments: str) -> dict[str, str]:
        done = installing(with_uv, environment | {"UV_DEFAULT_INDEX": index}, *arguments)
        assert done.returncode == 0, done.stderr
        locks = with_uv.glob("*requirements.txt")
        return {path.name: " ".join(re.findall(r"^[a-z]+==\d+", path.read_text(), re.MULTILINE)) for path in locks}

    return lock


def requires(checkout: Path, *packages: str) -> None:
    """Write a pyproject.toml that requires these packages."""
    empty = "audit = []\ndata = []\nnotebook = []\ntest = []\n"
    (checkout / "pyproject.toml").write_text(
        f"[project]\nname = 'requiring'\nversion = '1'\nrequires-python = '>=3.11'\ndependencies = {[*packages]}\n"
        "[project.optional-dependencies]\nmodel = []\nscoring = []\ncluster = []\n"
        f"[dependency-groups]\ninstaller = ['wanted']\n{empty}"
    )


def test_make_lock_adds_a_package_and_changes_no_other(
    checkout: Path, tmp_path: Path, locked: Callable[..., dict[str, str]]
) -> None:
    (tmp_path / "wheels" / "wanted-2-py3-none-any.whl").rename(tmp_path / "released later")
    for lock in checkout.glob("*requirements.txt"):
        lock.unlink()
    requires(checkout, "wanted")
    assert set(locked("lock").values()) == {"wanted==1"}
    (tmp_path / "released later").rename(tmp_path / "wheels" / "wanted-2-py3-none-any.whl")

    requires(checkout, "wanted", "wanting")
    after = locked("lock")

    ours = ("requirements.txt", "service_requirements.txt", "scoring_requirements.txt")
    assert {name for name, packages in after.items() if packages == "wanted==1 wanting==1"} == {*ours}
    assert {packages for name, packages in after.items() if name not in ours} == {"wanted==1"}
    assert locked("upgrade", "PACKAGE=wanting") == after
    assert set(locked("upgrade").values()) == {"wanted==2 wanting==1", "wanted==2"}


@pytest.mark.parametrize("variable", ["http_proxy", "PIP_PROXY"])
def test_the_packages_are_installed_through_a_proxy(
    with_uv: Path, environment: dict[str, str], index: str, variable: str
) -> None:
    done = installing(
        with_uv,
        environment | {variable: index.removesuffix("/simple"), "PIP_INDEX_URL": "http://index.invalid/simple"},
    )

    assert done.returncode == 0, done.stderr


def test_the_environments_may_be_in_another_place(
    with_uv: Path, environment: dict[str, str], index: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "other environments"
    (with_uv / ".venv").rename(elsewhere)
    before = sorted(with_uv.rglob("*"))

    options = {"PIP_INDEX_URL": index, "CREDIT_RISK_ENVIRONMENTS": str(elsewhere)}
    done = installing(with_uv, environment | options, str(elsewhere / "service" / ".installed"))

    assert done.returncode == 0, done.stderr
    assert installed(elsewhere / "service") == {"wanted-1", "wanting-1"}
    assert sorted(with_uv.rglob("*")) == before


def test_a_folder_that_cannot_be_written_ends_in_one_sentence(checkout: Path, environment: dict[str, str]) -> None:
    (checkout / ".venv").write_text("a file, where a folder cannot be made")

    done = installing(checkout, environment)

    assert last_words(done).startswith("Cannot write to ./.venv: name another place")


@pytest.mark.parametrize("choose", [min, max], ids=["oldest", "newest"])
def test_uv_is_installed_by_any_pip(
    checkout: Path, environment: dict[str, str], index: str, tmp_path: Path, choose: Callable[..., str]
) -> None:
    python = choose(
        (python for python in PYTHONS if version_of(python) >= (3, 8) and version_of(python, "pip")),
        key=lambda python: version_of(python, "pip"),
    )

    assert brought(checkout, environment, index, tmp_path, python) == "uv of the lock\n"


def test_uv_is_installed_by_a_python_without_pip(
    checkout: Path, environment: dict[str, str], index: str, tmp_path: Path
) -> None:
    if version_of(sys.executable, "pip"):
        pytest.skip("this environment has a pip")

    assert brought(checkout, environment, index, tmp_path, sys.executable) == "uv of the lock\n"


def brought(checkout: Path, environment: dict[str, str], index: str, folder: Path, python: str) -> str:
    """Return what `uv.sh` prints with a uv that is a script, in two releases, of which the first is locked."""
    digest, _ = (
        wheel(
            folder / "wheels", "uv", version, files={f"uv-{version}.data/scripts/uv": f"#!/bin/sh\necho uv {words}\n"}
        )
        for version, words in (("1", "of the lock"), ("2", "that is later"))
    )
    (checkout / "uv_requirements.txt").write_text(f"uv==1 \\\n    --hash=sha256:{digest}\n")
    done = subprocess.run(
        ["./uv.sh"], cwd=checkout, env=environment | {"PYTHON": python, "UV_DEFAULT_INDEX": index},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_failed_install_of_uv_ends_in_one_sentence(checkout: Path, environment: dict[str, str], index: str) -> None:
    done = installing(checkout, environment | {"PIP_INDEX_URL": index})

    assert last_words(done).startswith("Installing uv failed; ")
    assert "ERROR: No matching distribution found for uv==" in last_words(done)


def test_without_a_python_the_uv_of_the_machine_is_used(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "sh", "dirname", "rm", "mkdir", "ln", "cmp", "cp", "sed"):
        (programs / name).symlink_to(str(shutil.which(name)))
    (programs / "uv").write_text("#!/bin/sh\necho uv of the machine\n")
    (programs / "uv").chmod(0o755)

    done = subprocess.run(
        ["bash", "./uv.sh"], cwd=checkout, env=environment | {"PATH": str(programs)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout == "uv of the machine\n", done.stderr


@pytest.mark.parametrize("python", ["no-such-python", "false"])
def test_an_unsuitable_python_ends_in_one_sentence(with_uv: Path, environment: dict[str, str], python: str) -> None:
    done = installing(with_uv, environment, f"PYTHON={python}")

    assert last_words(done).startswith("No Python 3.11 to 3.14 found")
    assert len(done.stderr.splitlines()) == 2


def test_an_old_python_is_unsuitable(with_uv: Path, environment: dict[str, str]) -> None:
    old = next((python for python in PYTHONS if (3, 8) <= version_of(python) < (3, 11)), None)
    if old is None:
        pytest.skip("no Python 3.8 to 3.10 is here")

    assert last_words(installing(with_uv, environment, f"PYTHON={old}")).startswith("No Python 3.11 to 3.14 found")


def test_a_failed_install_ends_in_one_sentence_and_is_tried_again(with_uv: Path, environment: dict[str, str]) -> None:
    done = installing(with_uv, environment | {"PIP_NO_INDEX": "1"})

    assert last_words(done).startswith("Installing service_requirements.txt failed")
    assert "wanted" in last_words(done), "the words of uv say what is missing"
    assert not (with_uv / ".venv" / "service" / ".installed").exists()


def test_a_wrong_hash_is_refused(with_uv: Path, environment: dict[str, str], index: str) -> None:
    (with_uv / "service_requirements.txt").write_text("wanted==1 --hash=sha256:" + "0" * 64 + "\n")

    assert "ash mismatch" in last_words(installing(with_uv, environment | {"PIP_INDEX_URL": index}))


def test_an_install_that_takes_long_shows_that_it_runs(
    with_uv: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as silent, log.open("w") as output:
        process = subprocess.Popen(
            ["make", ".venv/service/.installed", "NOTICE=1"], cwd=with_uv, stderr=output, start_new_session=True,
            env=environment | {"PIP_INDEX_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/"},
        )  # fmt: skip
        try:
            until(lambda: "\n... " in log.read_text(), "a line that it still runs")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
