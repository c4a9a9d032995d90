"""Creates damaged artifacts with correct digests, and loads them in child processes with limits."""

import hashlib
import json
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import lightgbm
import numpy as np

from credit_risk_model.artifact import PACKAGED, ArtifactError
from credit_risk_model.artifact.model_text import checked
from credit_risk_model.features import LOAN
from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.explanation import CreditRiskExplanationModel
from credit_risk_model.prediction.model import CreditRiskModel, ScoringModel

Members = dict[str, bytes]
MEMORY = 256 * 1024 * 1024  # bytes that a child may use to load an artifact, in addition to those of its imports
SECONDS = 20  # CPU time that a child may use for one artifact
_NUMBERS = [
    b"nan", b"-nan", b"inf", b"1e999", b"-1e308", b"1e-999", b"-1", b"-2147483648", b"2147483648", b"4294967296", b"0",
    b"99999999999999999999999", b"1.5", b"0x10", b"1_0", b"", b"-", b"e", b"1e5", b"16", b"12", b"127", b"128", b"-129",
]  # fmt: skip


def members_of(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def needed() -> Members:
    """Return the members of the shipped artifact that are needed, without the reports, which have several MiB."""
    with zipfile.ZipFile(PACKAGED) as archive:
        return resealed({name: archive.read(name) for name in ("metadata.json", "model.joblib", "self_check.json")})


def zipped(path: Path, members: Members) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def resealed(members: Members) -> Members:
    """Return the members with a `metadata.json` that records their digests."""
    others = {name: content for name, content in members.items() if name != "metadata.json"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in others.items()}
    metadata = json.loads(members["metadata.json"]) | {"sha256": digests}
    return {"metadata.json": json.dumps(metadata).encode()} | others


def model_text(model: bytes) -> bytes:
    start = model.index(b"tree\nversion=")
    return model[start : start + int.from_bytes(model[start - 4 : start], "little")]


def pickled(text: bytes) -> bytes:
    """Return the start of the pickle of a model with this text; the rest is never read."""
    start = b"\x80\x05\x95" + bytes(8) + b"\x8c\x0elightgbm.basic\x94\x8c\x07Booster\x94\x93\x94)\x81\x94}\x94("
    return start + b"\x8c\x07_handle\x94X" + len(text).to_bytes(4, "little") + text + b"\x94ub."


def damaged_text(text: bytes, chance: random.Random) -> bytes:
    """Return the text of a model with one to three random changes."""
    for _ in range(chance.randint(1, 3)):
        text = chance.choice([_flip, _digit, _number, _line, _truncate, _resize, _cut])(text, chance)
    return text


def _flip(text: bytes, chance: random.Random) -> bytes:
    position = chance.randrange(len(text))
    return text[:position] + bytes([text[position] ^ (1 << chance.randrange(8))]) + text[position + 1 :]


def _digit(text: bytes, chance: random.Random) -> bytes:
    place = next(re.compile(rb"[0-9]").finditer(text, chance.randrange(len(text) - 5_000)))
    return text[: place.start()] + str(chance.randrange(10)).encode() + text[place.end() :]


def _tree(text: bytes, chance: random.Random) -> tuple[list[bytes], int]:
    """Return the lines, and the number of a random line in the head, in a tree or at the end."""
    lines = text.split(b"\n")
    trees = [number for number, line in enumerate(lines) if line.startswith(b"Tree=")]
    first = chance.choice([0, *[chance.choice(trees) for _ in range(8)], len(lines) - 20])
    return lines, min(first + chance.randrange(20), len(lines) - 1)


def _number(text: bytes, chance: random.Random) -> bytes:
    lines, at = _tree(text, chance)
    key, equals, value = lines[at].partition(b"=")
    numbers = value.split(b" ")
    numbers[chance.randrange(len(numbers))] = chance.choice([*_NUMBERS, str(chance.randint(-130, 130)).encode()])
    lines[at] = key + equals + b" ".join(numbers)
    return b"\n".join(lines)


def _line(text: bytes, chance: random.Random) -> bytes:
    lines, at = _tree(text, chance)
    other = min(at + chance.randint(1, 3), len(lines) - 1)
    match chance.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case _:
            lines[at] = lines[at].partition(b"=")[0] + b"=" + lines[other].partition(b"=")[2]
    return b"\n".join(lines)


def _truncate(text: bytes, chance: random.Random) -> bytes:
    lines, at = _tree(text, chance)
    lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
    return b"\n".join(lines)


def _resize(text: bytes, chance: random.Random) -> bytes:
    lines, at = _tree(text, chance)
    while at and not lines[at].startswith((b"num_leaves=", b"num_cat=", b"tree_sizes=", b"max_feature_idx=")):
        at -= 1
    lines[at] = lines[at].partition(b"=")[0] + b"=" + chance.choice([*_NUMBERS, b"2", b"126", b"1000000"])
    return b"\n".join(lines)


def _cut(text: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(text))
    return text[:start] + text[start + int(chance.random() ** 8 * len(text)) :]


def damaged_pickle(model: bytes, chance: random.Random) -> bytes:
    """Return the pickle of a model with damaged opcodes and an unchanged text."""
    start = model.index(b"tree\nversion=")
    head, rest = bytearray(model[:start]), model[start:]
    for _ in range(chance.randint(1, 3)):
        match chance.randrange(4):
            case 0:
                head[chance.randrange(len(head))] = chance.randrange(256)
            case 1:  # a memo index, a frame or a length that asks for gigabytes
                huge = chance.choice([b"r\xff\xff\xff\x7f", b"\x95" + b"\xff" * 7 + b"\x7f", b"\x8b\xff\xff\xff\x7f"])
                at = chance.randrange(len(head))
                head[at:at] = huge
            case 2:
                head[-4:] = chance.randrange(2**32).to_bytes(4, "little")
            case _:
                del head[chance.randrange(len(head))]
    return bytes(head) + rest


def damaged_zip(content: bytes, chance: random.Random) -> bytes:
    """Return the zip file with changed bytes in its directory and headers."""
    damaged = bytearray(content)
    headers = [place.start() for place in re.finditer(rb"PK\x01\x02|PK\x03\x04|PK\x05\x06", content)]
    for _ in range(chance.randint(1, 4)):
        at = chance.choice(headers) + chance.randrange(46)
        if at < len(damaged):
            damaged[at] = chance.choice([0, 0xFF, 0x7F, chance.randrange(256)])
    return bytes(damaged)


def shortened(trees: int) -> Members:
    """Return the needed members of the shipped artifact with the first trees only, and a matching self-check."""
    members = needed()
    head, *rest = model_text(members["model.joblib"]).split(b"\n\n\nend of trees\n")
    text = b"\n\n\nTree=".join(head.split(b"\n\n\nTree=")[:trees]) + b"\n\n\nend of trees\n" + rest[0]
    bodies = text.partition(b"\n\nTree=")[2].partition(b"\n\n\nend of")[0].split(b"\n\n\nTree=")
    sizes = b" ".join(str(len(b"Tree=" + body + b"\n\n\n")).encode() for body in bodies)
    text = re.sub(rb"\ntree_sizes=.*", b"\ntree_sizes=" + sizes, text)
    checks = json.loads(members["self_check.json"])
    rows = LOAN.encode_loans(check["loan"] for check in checks["loans"])
    probabilities = lightgbm.Booster(model_str=checked(text, LOAN.specification())).predict(rows, num_threads=1)
    for check, probability in zip(checks["loans"], np.asarray(probabilities).tolist(), strict=True):
        check["probability"] = probability
    return resealed(members | {"model.joblib": pickled(text), "self_check.json": json.dumps(checks).encode()})


def write_case(path: Path, kind: str, members: Members, chance: random.Random) -> None:
    """Write an artifact with a damaged model text, pickle or zip, and with correct digests."""
    model = members["model.joblib"]
    if kind == "text":
        members = resealed(members | {"model.joblib": pickled(damaged_text(model_text(model), chance))})
    elif kind == "pickle":
        members = resealed(members | {"model.joblib": damaged_pickle(model, chance)})
    zipped(path, members)
    if kind == "zip":
        path.write_bytes(damaged_zip(path.read_bytes(), chance))


def outcome(path: Path) -> str:
    """Load an artifact, run the self-checks and predict.

    Return `answers`, or `refused: ` and the message. Any other exception is raised.
    """
    models: list[type[ScoringModel]] = [CreditRiskModel, CreditRiskExplanationModel, CreditRiskBatchModel]
    try:
        single, explaining, batch = (model(str(path)) for model in models)
        for model in (single, explaining, batch):
            model.self_check()
    except ArtifactError as error:
        return f"refused: {error}".replace(str(path), "1.zip")
    many = batch.predict(batch.input_schema.model_validate({"loans": [LOAN.example]}))
    one = explaining.predict(explaining.input_schema.model_validate(LOAN.example))
    risk = single.predict(single.input_schema.model_validate(LOAN.example)).credit_risk
    assert 0.0 <= one.probability <= 1.0, one
    assert many.loans[0].probability == one.probability, many
    assert risk == one.credit_risk == many.loans[0].credit_risk, risk
    return "answers"


def bomb(path: Path, name: str, content: bytes | None) -> Path:
    """Write the shipped artifact with this content in a member; None means 512 MiB of zeros (2 MB compressed)."""
    members = needed()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        if content is None:
            del members[name]
            with archive.open(name, "w") as member:
                for _ in range(512):
                    member.write(bytes(1024 * 1024))
        else:
            members = members | {name: content} if name == "metadata.json" else resealed(members | {name: content})
        for each, unchanged in members.items():
            archive.writestr(each, unchanged)
    return path


def run(kind: str, seed: int, first: int, count: int, trees: int) -> dict[int, str]:
    """Load damaged artifacts in child processes; return the outcome of each by its number.

    If a case ends its child process, the outcome is `ended with` and the exit code, which is negative for a signal.
    """
    outcomes: dict[int, str] = {}
    while len(outcomes) < count:
        start = first + len(outcomes)
        child = _child("cases", kind, str(seed), str(start), str(first + count - start), str(trees))
        lines = [line.removeprefix("case ").split(" ", 1) for line in child.stdout.splitlines() if line[:5] == "case "]
        outcomes |= {int(number): result for number, result in lines}
        if child.returncode or not lines:
            outcomes[first + len(outcomes)] = f"ended with {child.returncode}: {child.stderr[-500:]}"
    return outcomes


def outcomes_in_child(paths: list[Path]) -> list[str]:
    """Load artifacts in one child process with limits; return the outcomes up to the first crash."""
    child = _child("files", *map(str, paths))
    return child.stdout.splitlines() + (
        [f"ended with {child.returncode}: {child.stderr[-500:]}"] if child.stderr else []
    )


def _child(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.artifact.damage", *arguments]
    return subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)


def _limit() -> None:
    if sys.platform == "linux":
        used = int(re.findall(r"VmSize:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) * 1024
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def _cases(kind: str, seed: int, first: int, count: int, trees: int) -> None:
    members = shortened(trees)
    with tempfile.TemporaryDirectory() as folder:
        path = zipped(Path(folder) / "1.zip", members)
        assert outcome(path) == "answers", outcome(path)
        _limit()
        for number in range(first, first + count):
            write_case(path, kind, members, random.Random(f"{seed} {number}"))
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)  # kills a process that never stops computing
            print("case", number, repr(outcome(path))[1:-1], flush=True)


def _files(paths: list[Path]) -> None:
    assert outcome(PACKAGED) == "answers"
    _limit()
    for path in paths:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        print(repr(outcome(path))[1:-1], flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["cases", kind, *numbers]:
            _cases(kind, *map(int, numbers))
        case ["files", *paths]:
            _files([Path(path) for path in paths])
