"""What a kubelet would conclude from the answers of the probes."""

from benchmarks.health.prober import Sample, Samples, Verdict, evidence, kubelet

OK, DOWN = 200, 503


def answers(*statuses: int | str, seconds: float = 0.1) -> list[Sample]:
    return [Sample(float(at), status, seconds) for at, status in enumerate(statuses)]


def samples(startup: list[Sample], ready: list[Sample], live: list[Sample]) -> Samples:
    return {"startup": startup, "ready": ready, "live": live}


def test_nothing_counts_before_the_startup_probe_succeeds() -> None:
    never = samples(answers("refused", DOWN, DOWN), answers(OK, OK, OK), answers(DOWN, DOWN, DOWN))

    assert kubelet(never) == Verdict(None, [], None)


def test_failures_during_the_start_restart_nothing() -> None:
    starting = answers(DOWN, DOWN, DOWN, OK, OK)

    assert kubelet(samples(starting, starting, starting)) == Verdict(3, [(3, 4)], None)


def test_three_failures_in_a_row_restart() -> None:
    good = answers(OK, OK, OK, OK, OK)

    assert kubelet(samples(good, good, answers(OK, DOWN, DOWN, DOWN, OK))).restarted == 3


def test_two_failures_change_nothing() -> None:
    good, blinking = answers(OK, OK, OK, OK), answers(OK, "timeout", DOWN, OK)

    assert kubelet(samples(good, blinking, blinking)) == Verdict(0, [(0, 3)], None)


def test_a_server_is_back_in_service_after_one_success() -> None:
    good = answers(OK, OK, OK, OK, OK, OK)

    assert kubelet(samples(good, answers(OK, DOWN, DOWN, DOWN, OK, OK), good)).in_service == [(0, 3), (4, 5)]


def test_an_answer_after_the_timeout_is_a_failure() -> None:
    good, slow = answers(OK, OK, OK), answers(OK, OK, OK, seconds=2)

    assert kubelet(samples(good, good, slow), timeout=1).restarted == 2
    assert kubelet(samples(good, good, slow), timeout=3).restarted is None


def test_the_evidence_has_one_line_for_equal_answers_in_a_row() -> None:
    found = evidence({"live": answers(OK, OK, "timeout", OK)})

    assert found["live"] == [
        "0.0 to 1.0 s: 200, 2 times, slowest 0.10 s",
        "2.0 to 2.0 s: timeout, 1 times, slowest 0.10 s",
        "3.0 to 3.0 s: 200, 1 times, slowest 0.10 s",
    ]
