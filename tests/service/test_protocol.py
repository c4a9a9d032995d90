"""The protocol under uvicorn, asked through raw sockets, on each event loop that it can run on."""

import inspect
import json
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httptools
import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tests.conftest import ROOT, until

GET = b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSE = b"GET /ignore HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class RawServer:
    port: int
    log: Path

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def exchange(self, *packets: bytes) -> list[Answer]:
        """Send these and return all answers until the server closes."""
        with self.connect() as connection:
            for packet in packets:
                connection.sendall(packet)
            return answers(read_all(connection))

    def state(self) -> dict[str, Any]:
        (answer,) = self.exchange(CLOSE.replace(b"/ignore", b"/state"))
        assert isinstance(answer.body, dict)
        return answer.body


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def read_one(connection: socket.socket) -> Answer:
    """Read one answer, and nothing after it."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1)
    length = int(re.findall(rb"content-length: (\d+)", received)[0])
    while length:
        piece = connection.recv(length)
        length -= len(piece)
        received += piece
    (answer,) = answers(received)
    return answer


def answers(received: bytes) -> list[Answer]:
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers["content-length"])
        found.append(Answer(int(first.split()[1]), headers, json.loads(rest[:length])))
        received = rest[length:]
    return found


def statuses(found: Sequence[Answer]) -> list[int]:
    return [answer.status for answer in found]


@contextmanager
def running(folder: Path, loop: str, limits: dict[str, Any], **options: Any) -> Iterator[RawServer]:
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.raw_server", json.dumps({"loop": loop, "limits": limits} | options)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: b"listening on" in log.read_bytes() or process.poll() is not None, "listening")
        found = re.search(r"listening on (\d+)\.", log.read_text())
        assert found, log.read_text()
        yield RawServer(int(found[1]), log)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(loop: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawServer]:
    """A server with the default limits."""
    with running(tmp_path_factory.mktemp("server"), loop, {}) as found:
        yield found


@pytest.fixture(scope="module")
def impatient(loop: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawServer]:
    """A server that waits for half a second."""
    limits = {"receive_seconds": 0.5, "send_seconds": 0.5}
    with running(tmp_path_factory.mktemp("impatient"), loop, limits) as found:
        yield found


def one_packet(data: bytes) -> list[bytes]:
    return [data]


def bytewise(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


BODIES = {
    "length": b"Content-Length: 4\r\n\r\nloan",
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n2\r\nlo\r\n2\r\nan\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("packets", [one_packet, bytewise])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_an_upgrade_is_ignored(
    server: RawServer, protocol: bytes, body: str, packets: Callable[[bytes], list[bytes]]
) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol + b"\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"
    request = b"POST /echo?a=b HTTP/1.1\r\nHost: a\r\n" + upgrade + b"X-Kept: 1\r\n" + BODIES[body]

    first, second, third, _ = server.exchange(*packets(request * 2 + POST + b"next" + CLOSE))

    assert statuses([first, second, third]) == [200, 200, 200]
    assert [answer.body["body"] for answer in (first, second, third)] == ["loan", "loan", "next"]
    assert ["x-kept", "1"] in first.body["headers"]
    assert "upgrade" not in dict(first.body["headers"])


def test_an_upgrade_without_a_body_is_ignored(server: RawServer) -> None:
    request = b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

    assert statuses(server.exchange(request, CLOSE)) == [200, 200]


def test_an_upgrade_on_a_connection_that_closes_is_ignored(server: RawServer) -> None:
    upgrade = b"\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"

    (answer,) = server.exchange(POST.replace(b"\r\n\r\n", upgrade) + b"loan")

    assert answer.body["body"] == "loan"


def test_an_upgrade_with_a_malformed_target_is_refused(server: RawServer) -> None:
    request = b"GET http://:1:1:1/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

    assert statuses(server.exchange(request)) == [400]


@pytest.mark.parametrize("target", [b"http://a", b"http://a?b", b"http://a:99999/"])
def test_a_target_without_a_usable_path_is_refused_with_the_reason(server: RawServer, target: bytes) -> None:
    (answer,) = server.exchange(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")

    assert (answer.status, answer.body["type"]) == (400, "MalformedRequest")
    assert "target" in answer.body["messages"][0]


def test_connect_is_refused(server: RawServer) -> None:
    (answer,) = server.exchange(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")

    assert (answer.status, answer.body["type"]) == (501, "NotImplemented")


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: a\r\n", b"Host: a\r\nhost: b\r\n"])
def test_a_request_without_exactly_one_host_is_refused(server: RawServer, hosts: bytes) -> None:
    (answer,) = server.exchange(b"GET /echo HTTP/1.1\r\n" + hosts + b"\r\n" + GET)

    assert (answer.status, answer.body["type"]) == (400, "MalformedRequest")
    assert "Host" in answer.body["messages"][0]


def test_a_request_of_version_1_0_needs_no_host(server: RawServer) -> None:
    (answer,) = server.exchange(b"GET /echo HTTP/1.0\r\n\r\n")

    assert (answer.status, answer.body["http_version"]) == (200, "1.0")


def test_a_malformed_request_is_refused_in_our_format(server: RawServer) -> None:
    before = server.state()["malformed"]

    (answer,) = server.exchange(b"garbage\r\n\r\n")

    assert (answer.status, answer.body["type"]) == (400, "MalformedRequest")
    assert answer.body["messages"][0].startswith("Invalid HTTP request: ")
    assert answer.headers["x-request-id"] in server.log.read_text()
    assert answer.headers["connection"] == "close"
    assert server.state()["malformed"] == before + 1


@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize("bad", [b"\x00garbage\r\n\r\n", b"GET /echo HTTP/1.1\r\n\r\n", b"G@T / HTTP/1.1\r\n"])
def test_valid_requests_before_a_malformed_one_are_answered(server: RawServer, count: int, bad: bytes) -> None:
    found = server.exchange((GET + POST + b"loan") * count + bad + GET)

    assert statuses(found) == [200] * 2 * count + [400]


def test_each_pipelined_request_is_answered_once(server: RawServer) -> None:
    with server.connect() as connection:
        connection.sendall(GET * 20)
        first = [read_one(connection) for _ in range(20)]
        connection.sendall(POST + b"loan" + CLOSE)
        rest = answers(read_all(connection))

    assert [answer.body["method"] for answer in first] == ["GET"] * 20
    assert [answer.body for answer in rest][1:] == [{}]
    assert rest[0].body["body"] == "loan"


def test_an_error_waits_for_the_answer_before_it(server: RawServer) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\ngarbage")
        until(lambda: server.state()["waiting"] == 1, "the request runs")
        server.exchange(b"GET /open HTTP/1.1\r\nHost: a\r\n\r\n", CLOSE)

        assert statuses(answers(read_all(connection))) == [200, 400]


@pytest.mark.parametrize("bad", [b"zz\r\n", b"4\r\nloan\n", b"1\r\na\r\n0\r\nb\x00d: 1\r\n\r\n"])
def test_a_malformed_body_is_refused_and_its_request_ends(server: RawServer, bad: bytes) -> None:
    before = server.state()["disconnects"]
    with server.connect() as connection:
        connection.sendall(CHUNKED + b"4\r\nloan\r\n")
        connection.sendall(bad)
        found = answers(read_all(connection))

    assert statuses(found) == [400]
    until(lambda: server.state()["disconnects"] == before + 1, "the application sees the end")


def refused_while_the_application_reads(server: RawServer, bad: bytes) -> Answer:
    with server.connect() as connection:
        connection.sendall(CHUNKED.replace(b"/echo", b"/insist") + b"4\r\nloan\r\n")
        until(lambda: server.state()["messages"] == ["http.request"], "the application reads")
        connection.sendall(bad)
        (answer,) = answers(read_all(connection))
        until(lambda: len(server.state()["messages"]) > 1, "the application sees the end")
    assert server.state()["messages"][1] == "http.disconnect"
    return answer


def test_a_refused_request_is_answered_once(server: RawServer) -> None:
    assert refused_while_the_application_reads(server, b"zz\r\n").status == 400


def test_a_request_that_timed_out_is_answered_once(impatient: RawServer) -> None:
    assert refused_while_the_application_reads(impatient, b"").status == 408


def test_a_request_that_was_answered_early_is_not_refused_as_well(server: RawServer) -> None:
    before = server.state()["malformed"]

    with server.connect() as connection:
        connection.sendall(CHUNKED.replace(b"/echo", b"/ignore"))
        assert read_one(connection).status == 200
        connection.sendall(b"zz\r\n")

        assert read_all(connection) == b""
    assert server.state()["malformed"] == before + 1


def test_a_trailer_does_not_change_the_headers(server: RawServer) -> None:
    answer, _ = server.exchange(CHUNKED + b"4\r\nloan\r\n0\r\nX-Late: 1\r\n\r\n" + CLOSE)

    assert answer.body["body"] == "loan"
    assert "x-late" not in dict(answer.body["headers"])


def test_the_rest_of_a_body_that_was_answered_early_is_skipped(server: RawServer) -> None:
    with server.connect() as connection:
        connection.sendall(b"POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        assert read_one(connection).status == 200
        connection.sendall(b"a" * 100_000 + GET)

        assert read_one(connection).body["method"] == "GET"
    until(lambda: server.state()["buffered"] == 0, "nothing is buffered")


@pytest.mark.parametrize(
    ("request_", "body"), [(POST, [b"lo", b"an"]), (CHUNKED, [b"2\r\nlo\r\n", b"0\r\n\r\n"])], ids=["length", "chunked"]
)
def test_a_short_body_that_comes_after_the_answer_does_not_reset_the_connection(
    server: RawServer, request_: bytes, body: Sequence[bytes]
) -> None:
    with server.connect() as connection:
        connection.sendall(
            request_.replace(b"/echo", b"/ignore").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        until(lambda: connection.recv(1, socket.MSG_PEEK), "the answer has come")
        for piece in body:
            connection.sendall(piece)  # raises an exception after a reset

        (answer,) = answers(read_all(connection))
        assert (answer.status, answer.headers["connection"]) == (200, "close")


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Content-Length: 20000000"])
@pytest.mark.parametrize("connection_", ["keep-alive", "close"])
def test_a_client_that_writes_all_of_its_body_first_gets_an_early_answer(
    loop: str, tmp_path: Path, framing: str, connection_: str
) -> None:
    head = f"POST /ignore HTTP/1.1\r\nHost: a\r\nConnection: {connection_}\r\n{framing}\r\n\r\n"
    body = b"a" * 20_000_000
    if "chunked" in framing:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    with running(tmp_path, loop, {"buffer_bytes": 1_000_000}) as server:
        with server.connect() as connection:
            connection.sendall(head.encode() + body)

            assert read_one(connection).status == 200
        assert server.state()["freed"] == 0, "what is discarded does not count as buffered"


def test_expect_100_continue_is_answered(server: RawServer) -> None:
    with server.connect() as connection:
        connection.sendall(POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert connection.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"loan")

        assert read_one(connection).body["body"] == "loan"


def test_a_client_of_version_1_0_is_not_told_to_continue(server: RawServer) -> None:
    request = POST.replace(b"1.1", b"1.0").replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")

    (answer,) = server.exchange(request, b"loan")

    assert answer.body["body"] == "loan"


def test_the_address_of_the_client_is_passed_on(server: RawServer) -> None:
    with server.connect() as connection:
        connection.sendall(GET)

        assert tuple(read_one(connection).body["client"]) == connection.getsockname()


@pytest.mark.parametrize(
    "start",
    [
        b"GET /",  # a target
        b"GET /echo HTTP/1.1\r\nHost: a\r\nX: ",  # a value
        CHUNKED + b"4\r\nloan\r\n0\r\nX: ",  # a trailer
        CHUNKED + b"4;",  # an extension
    ],
)
def test_a_head_or_trailer_without_end_is_refused(server: RawServer, start: bytes) -> None:
    with server.connect() as connection:
        with suppress(ConnectionError):
            connection.sendall(start)
            for _ in range(20):
                connection.sendall(b"x" * 10_000)
        (answer,) = answers(read_all(connection))

    assert answer.status == 400
    assert answer.body["messages"] == ["The head is longer than 65536 bytes or 128 headers."]


@pytest.mark.parametrize("length", [60_000, 70_000])
def test_a_whole_head_is_as_long_as_is_allowed(server: RawServer, length: int) -> None:
    request = b"GET /echo HTTP/1.1\r\nHost: a\r\nX: " + b"x" * length + b"\r\n\r\n"

    assert server.exchange(request, CLOSE)[0].status == (200 if length < 65_536 else 400)


@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["incomplete", "complete"])
@pytest.mark.parametrize("start", [GET[:-2], CHUNKED + b"4\r\nloan\r\n0\r\n"], ids=["head", "trailer"])
def test_many_headers_are_refused(server: RawServer, start: bytes, end: bytes) -> None:
    (answer,) = server.exchange(start + b"a: b\r\n" * 130 + end)

    assert answer.status == 400


@pytest.mark.parametrize("before", [b"", GET], ids=["new connection", "kept connection"])
def test_a_head_that_does_not_arrive_ends_with_408(impatient: RawServer, before: bytes) -> None:
    timed_out = impatient.state()["timed_out"]

    *_, answer = impatient.exchange(before, GET[:-2])

    assert (answer.status, answer.body["type"]) == (408, "RequestTimeout")
    assert answer.headers["connection"] == "close"
    assert impatient.state()["timed_out"] == timed_out + 1


@pytest.mark.parametrize("head", [POST.replace(b": 4", b": 4000"), CHUNKED + b"fff\r\n"], ids=["length", "chunked"])
def test_a_body_that_comes_byte_by_byte_ends_with_408(impatient: RawServer, head: bytes) -> None:
    disconnects = impatient.state()["disconnects"]
    with impatient.connect() as connection:
        connection.sendall(head)
        connection.settimeout(0.05)
        received = b""
        while not received:
            with suppress(TimeoutError):
                received = connection.recv(65_536)
            if not received:
                connection.sendall(b"a")
        connection.settimeout(60)
        found = answers(received + read_all(connection))

    assert statuses(found) == [408]
    until(lambda: impatient.state()["disconnects"] == disconnects + 1, "the application sees the end")
    assert "Exception" not in impatient.log.read_text()


def test_an_answer_that_has_begun_is_not_followed_by_408(impatient: RawServer) -> None:
    with impatient.connect() as connection:
        connection.sendall(POST.replace(b"/echo", b"/begin"))
        received = read_all(connection)

    assert received.count(b"HTTP/1.1") == 1
    assert received.endswith(b"\r\nbegun\r\n")


def test_a_request_that_was_answered_early_is_not_followed_by_408(impatient: RawServer) -> None:
    assert statuses(impatient.exchange(POST.replace(b"/echo", b"/ignore"))) == [200]


def test_a_silent_connection_is_closed_without_an_answer_and_a_kept_one_is_not(impatient: RawServer) -> None:
    with impatient.connect() as kept:
        kept.sendall(GET)
        assert read_one(kept).status == 200

        assert impatient.exchange() == []

        kept.sendall(GET)
        assert read_one(kept).status == 200


@pytest.mark.parametrize(
    ("request_", "rest"),
    [
        (POST.replace(b"/echo", b"/ignore"), b"loan"),
        (CHUNKED.replace(b"/echo", b"/ignore"), b"0\r\n\r\n"),
        (GET, b"\r\n"),
        (GET + b"\r\n", b""),
    ],
    ids=["a body that was answered before", "a chunked one", "an empty line later", "an empty line at once"],
)
def test_a_kept_connection_waits_as_long_after_bytes_that_begin_no_request(
    impatient: RawServer, request_: bytes, rest: bytes
) -> None:
    with impatient.connect() as kept:
        kept.sendall(request_)
        assert read_one(kept).status == 200
        kept.sendall(rest)

        assert impatient.exchange() == []  # closed when its time is over

        kept.sendall(GET)
        assert read_one(kept).status == 200


def test_a_connection_that_the_client_has_reset_leaves_nothing_in_memory(server: RawServer) -> None:
    for _ in range(20):
        with server.connect() as connection:
            connection.sendall(GET)
            assert read_one(connection).status == 200
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    until(lambda: (state := server.state())["in_memory"] <= state["open"], "they are freed")


def test_the_time_of_the_application_is_not_the_time_of_the_client(impatient: RawServer) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: impatient.state()["waiting"] == 1, "the request runs")
        assert impatient.exchange() == []  # closed when its time is over
        impatient.exchange(b"GET /open HTTP/1.1\r\nHost: a\r\n\r\n", CLOSE)

        assert read_one(connection).status == 200


def test_a_client_that_does_not_read_is_closed(impatient: RawServer) -> None:
    before = impatient.state()["not_reading"]
    with impatient.connect() as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n" * 100)

        until(lambda: impatient.state()["not_reading"] == before + 1, "the connection is closed")

    until(lambda: impatient.state()["buffered"] == 0, "nothing is buffered")


def test_pipelined_requests_take_little_memory_and_let_others_through(server: RawServer) -> None:
    requests = 10_000
    before = server.state()["peak"]
    with server.connect() as connection:
        received: list[bytes] = []
        reader = threading.Thread(target=lambda: received.append(read_all(connection)))
        writer = threading.Thread(target=connection.sendall, args=[GET * requests + CLOSE])
        reader.start()
        writer.start()
        probes = 0
        while reader.is_alive():
            server.state()
            probes += 1
        writer.join()

    assert len(answers(received[0])) == requests + 1
    assert probes > 10
    assert server.state()["peak"] - before < 5_000_000  # bytes; all of them as requests take 20 MB
    assert server.state()["buffered"] == 0


def test_bodies_that_are_still_arriving_share_a_bounded_memory(loop: str, tmp_path: Path) -> None:
    limits = {"buffer_bytes": 2_000_000}
    with running(tmp_path, loop, limits) as server, ExitStack() as stack:
        before = server.state()["peak"]
        for _ in range(60):
            connection = stack.enter_context(server.connect())
            connection.sendall(POST.replace(b": 4", b": 500000") + b"a" * 499_999)
            assert server.state()["buffered"] < 3_000_000

        until(lambda: server.state()["freed"] >= 56, "the oldest are refused")
        assert server.exchange(POST, b"loan", CLOSE)[0].body["body"] == "loan"
        assert server.state()["peak"] - before < 20_000_000  # bytes; all of them are 30 MB
        connection.sendall(b"a")  # the newest one can still be completed
        assert read_one(connection).status == 200


def test_what_is_queued_counts_as_buffered(loop: str, tmp_path: Path) -> None:
    with running(tmp_path, loop, {"buffer_bytes": 30_000}) as server, server.connect() as connection:
        connection.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: server.state()["waiting"] == 1, "the request runs")
        connection.sendall(GET * 2_000)
        until(lambda: server.state()["freed"] == 1, "what is queued is dropped")
        connection.sendall(GET)  # must be read too: unread bytes would reset the connection
        server.exchange(b"GET /open HTTP/1.1\r\nHost: a\r\n\r\n", CLOSE)

        (answer,) = answers(read_all(connection))
        assert answer.headers["connection"] == "close"
        assert server.state()["buffered"] == 0


def test_an_application_that_listens_for_the_end_does_not_read_on(server: RawServer) -> None:
    requests = 50_000  # more than what the kernel keeps for a connection that is not read
    with server.connect() as connection:
        writer = threading.Thread(target=connection.sendall, args=[GET.replace(b"/echo", b"/listen") + GET * requests])
        writer.start()
        polls = server.state()["polls"]
        until(lambda: server.state()["polls"] > polls + 50, "the application listens")

        assert 0 < server.state()["buffered"] < 500_000  # bytes; one packet
        connection.shutdown(socket.SHUT_RDWR)
        writer.join()


def test_unread_answers_count_as_buffered(loop: str, tmp_path: Path) -> None:
    limit = 15_000_000  # less than three answers of 10 MB, of each of which the kernel keeps up to 4 MB
    with running(tmp_path, loop, {"buffer_bytes": limit}) as server, ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(server.connect()).sendall(b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n" * 100)

        until(lambda: server.state()["freed"] >= 3, "the oldest are closed")
        assert server.state()["buffered"] <= limit


def test_silent_connections_do_not_use_up_the_file_descriptors(loop: str, tmp_path: Path) -> None:
    with running(tmp_path, loop, {}, files=256) as server, ExitStack() as stack:
        working = stack.enter_context(server.connect())
        working.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: server.state()["waiting"] == 1, "a request runs")

        for _ in range(300):
            stack.enter_context(server.connect())
            assert server.state()["maximum"] == 192

        assert server.state()["closed_for_room"] > 100
        assert server.state()["open"] <= 192
        server.exchange(b"GET /open HTTP/1.1\r\nHost: a\r\n\r\n", CLOSE)
        assert read_one(working).status == 200
        log = server.log.read_text()
        assert log.count("connections are open, which is the limit") == 1
        assert "accept" not in log


def test_refused_connections_that_linger_do_not_use_up_the_file_descriptors(loop: str, tmp_path: Path) -> None:
    with running(tmp_path, loop, {}, files=256) as server, ExitStack() as stack:
        for _ in range(500):
            connection = stack.enter_context(server.connect())
            with suppress(ConnectionError):  # it was closed for room
                connection.sendall(b"X\r\n\r\n")
            assert server.state()["open"] <= 192

        assert "accept" not in server.log.read_text()


@pytest.mark.parametrize("loop", ["uvloop"])  # asyncio accepts a whole burst before it calls the protocol
def test_a_burst_of_connections_does_not_use_up_the_file_descriptors(loop: str, tmp_path: Path) -> None:
    with running(tmp_path, loop, {}, files=256) as server, ExitStack() as stack:
        for _ in range(500):
            connection = stack.enter_context(socket.socket())
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", server.port))

        assert server.state()["open"] <= 192
        until(lambda: server.state()["closed_for_room"] > 300, "all are accepted")
        assert "accept" not in server.log.read_text()


def test_half_sent_bodies_do_not_use_up_the_connections(loop: str, tmp_path: Path) -> None:
    with running(tmp_path, loop, {"max_connections": 10}) as server, ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(server.connect()).sendall(POST + b"l")

            assert server.state()["open"] <= 10


def test_the_internals_of_uvicorn_are_unchanged() -> None:
    """What connection.py and protocol.py use and no documentation promises."""
    protocol = set(dir(HttpToolsProtocol)) | attributes(HttpToolsProtocol)
    cycle = set(dir(RequestResponseCycle)) | attributes(RequestResponseCycle)

    assert protocol >= {
        *("app", "app_state", "cycle", "flow", "headers", "loop", "parser", "transport", "url"),
        *("_unset_keepalive_if_required", "pause_writing", "resume_writing", "expect_100_continue"),
        *("timeout_keep_alive", "timeout_keep_alive_handler", "timeout_keep_alive_task"),
        *("on_message_begin", "on_headers_complete", "on_body", "on_message_complete", "on_response_complete"),
    }
    assert cycle >= {
        *("disconnected", "keep_alive", "message_event", "more_body", "response_complete", "response_started"),
    }
    assert attributes(FlowControl) >= {"read_paused"}
    assert "on_response=self.on_response_complete" in inspect.getsource(HttpToolsProtocol.on_headers_complete)
    assert "app = self.app" in inspect.getsource(HttpToolsProtocol.on_headers_complete)


def attributes(kind: type) -> set[str]:
    return set(re.findall(r"\bself\.(\w+)(?:: [^=\n]+)? = ", inspect.getsource(kind)))


def test_httptools_reports_an_upgrade_after_the_head_and_can_parse_on() -> None:
    seen: list[bytes] = []

    class Callbacks:
        def on_body(self, body: bytes) -> None:
            seen.append(body)

    parser = httptools.HttpRequestParser(Callbacks())
    head = POST.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    with pytest.raises(httptools.HttpParserUpgrade):
        parser.feed_data(head)
    parser.feed_data(POST + b"loan")

    assert seen == [b"loan"]


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\n\n", b"GET / HTTP/1.1\r\nHost: a\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\n"]
)
def test_httptools_accepts_no_other_end_of_a_head(request_: bytes) -> None:
    with pytest.raises(httptools.HttpParserError):
        httptools.HttpRequestParser(object()).feed_data(request_)
