"""Broken bodies, made from a good one by chance: none may find an error inside the service."""

import http.client
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from benchmarks.load import PREDICTION
from tests.test_service import BATCH, EXPLANATION

BODIES = int(os.environ.get("FUZZ_BODIES", "3000"))
NUMBERS = ["1" * 400, "9" * 5_000, "1e400", "-1e-400", "NaN", "-Infinity", "0x1", "01", "1_0", "-", "1.", "-0", "1e1"]
ODD: list[Any] = [None, True, [], {}, "", "\x00", "\ud800", -1, 10**30, [[[]]], {"a": {}}, "9" * 1_000]


def fuzzed(body: bytes, chance: random.Random) -> bytes:
    """Return the body with one thing wrong with it."""
    loan = json.loads(body)
    field = chance.choice(list(loan))

    def with_text(text: str) -> bytes:
        return json.dumps(loan | {field: "HERE"}).replace('"HERE"', text).encode()

    def at_random_place(insert: bytes, length: int = 0) -> bytes:
        place = chance.randrange(len(body))
        return body[:place] + insert + body[place + length :]

    ways: list[Callable[[], bytes]] = [
        lambda: body[: chance.randrange(len(body))],  # truncated
        lambda: with_text("[" * (depth := chance.randrange(1, 20_000)) + "]" * depth),  # nested
        lambda: with_text('{"a":' * (depth := chance.randrange(1, 5_000)) + "1" + "}" * depth),
        lambda: with_text(chance.choice(NUMBERS)),  # huge numbers, and none
        lambda: at_random_place(b"\x00"),  # NUL bytes
        lambda: at_random_place(
            chance.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5", b"\\ud800"])
        ),  # bad UTF-8
        lambda: at_random_place(chance.randbytes(chance.randrange(1, 9)), chance.randrange(9)),
        lambda: body[:-1] + b"," + json.dumps({field: loan[field]})[1:].encode(),  # duplicate keys
        lambda: json.dumps(loan | {field: chance.choice(ODD)}).encode(),
        lambda: json.dumps({key: loan[key] for key in loan if key != field}).encode(),
        lambda: json.dumps(loan | {chance.choice(["", "\x00", "\ud800", "__class__", "k" * 9_000]): 1}).encode(),
        lambda: body * chance.randrange(2, 200),
        lambda: body.decode().encode(chance.choice(["utf-16", "utf-32", "utf-8-sig"])),
    ]
    return chance.choice(ways)()


def test_no_body_causes_an_internal_error(service: httpx.Client, loan: dict[str, Any]) -> None:
    chance = random.Random(20261122)
    body = json.dumps(loan).encode()
    statuses: Counter[int] = Counter()
    connection = http.client.HTTPConnection(service.base_url.host, service.base_url.port, timeout=60)
    for _ in range(BODIES):
        sent, path = fuzzed(body, chance), chance.choice([PREDICTION, EXPLANATION, BATCH])
        if path == BATCH:
            sent = b'{"loans":[%s,%s]}' % (body, sent)
        connection.request("POST", path, sent, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1

        assert answer.status in (200, 400, 413), sent[:2_000]
    connection.close()

    print(f"\n{BODIES} bodies: {dict(statuses)}")
    assert statuses[400] > BODIES / 2


def test_duplicate_keys_are_refused_even_where_they_agree(service: httpx.Client, loan: dict[str, Any]) -> None:
    for field, value in loan.items():
        body = json.dumps(loan)[:-1] + "," + json.dumps({field: value})[1:]

        answer = service.post(PREDICTION, content=body, headers={"content-type": "application/json"})

        assert answer.status_code == 400
        assert f"duplicate key '{field}'" in answer.text
