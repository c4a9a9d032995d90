"""The image that scores files, run under the restrictions and the memory limit of its Job."""

import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import until
from tests.deployment import scoring_job
from tests.deployment.containers import RESTRICTED, created, docker
from tests.deployment.scoring_job import ENGINES, MEBIBYTES
from tests.repository.test_deployment import SCORING_IMAGE

pytestmark = pytest.mark.image

ROWS = 1_500_000  # when parts were not freed, both workers ran out of memory after about 1,000,000 rows


@pytest.mark.parametrize("engine", ENGINES)
def test_a_large_file_of_many_row_groups_is_scored_completely(tmp_path: Path, engine: str) -> None:
    scoring_job.write(tmp_path / "loans.parquet", ROWS, row_group=350_000)

    scored = scoring_job.score(tmp_path, engine, "--patience=120")

    assert scored.exit_code == 0, scored.log
    assert f"{ROWS:,} rows in = " in scored.log
    assert "Pausing worker" not in scored.log
    assert 0 < scored.peak_mebibytes < MEBIBYTES


def test_sigterm_ends_the_container_even_while_it_imports() -> None:
    """The first process of a container ignores signals that it does not handle."""
    with created(*RESTRICTED, "--cpus=0.2", image=SCORING_IMAGE, command=("--help",)) as container:
        container.start()
        status = ("exec", container.id, "grep", "SigCgt", "/proc/1/status")
        until(lambda: int(docker(*status).split()[1], 16) & 1 << signal.SIGTERM - 1, "SIGTERM is handled")
        container.signal(signal.SIGTERM)

        assert container.wait() == 128 + signal.SIGTERM
        assert container.log == "", "it was still importing"


def test_any_user_of_group_0_can_run_the_image(tmp_path: Path) -> None:
    scoring_job.write(tmp_path / "loans.parquet", 1_000)
    tmp_path.chmod(0o777)
    command = ("/loans/loans.parquet", "/loans/scored.parquet", "--accept-rejects")

    with created(
        *RESTRICTED, "--user=12345:0", f"--volume={tmp_path}:/loans", image=SCORING_IMAGE, command=command
    ) as container:
        container.start()

        assert container.wait() == 0, container.log
    assert pq.read_metadata(tmp_path / "scored.parquet").num_rows > 900


def test_the_pod_that_copies_loans_has_its_programs(tmp_path: Path) -> None:
    """`kubectl cp` runs tar in the container."""
    tmp_path.chmod(0o777)
    program = "cd /loans && sleep 0 && echo loan >in && tar cf - in | tar xmf - --transform s/in/out/"
    command = ("-c", program)
    with created(
        *RESTRICTED, f"--volume={tmp_path}:/loans", "--entrypoint=sh", image=SCORING_IMAGE, command=command
    ) as container:
        container.start()

        assert container.wait() == 0, container.log
    assert (tmp_path / "out").read_text() == "loan\n"


def test_a_missing_system_library_is_named_with_its_package() -> None:
    program = "mv /usr/lib/*/libgomp.so.1* /tmp; exec python -m credit_risk_model.scoring --help"
    with created("--user=0", "--entrypoint=sh", image=SCORING_IMAGE, command=("-c", program)) as container:
        container.start()

        assert container.wait() == 1
        assert "Install libgomp1 (Debian, Ubuntu)" in container.log.splitlines()[-1]
