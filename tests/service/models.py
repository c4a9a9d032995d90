"""Models that load, predict and fail on command, for a service that runs as a process of its own."""

import asyncio
import time
from pathlib import Path
from typing import Any, ClassVar

from ml_base import MLModel, MLModelDecorator
from ml_base.ml_model import MLModelSchemaValidationException
from pydantic import BaseModel, Field, field_validator


class Item(BaseModel, extra="forbid"):
    size: int = Field(strict=True, ge=0)


class Input(BaseModel, extra="forbid"):
    number: float = Field(allow_inf_nan=False)
    items: list[Item] = []

    @field_validator("number")
    @classmethod
    def _break(cls, number: float) -> float:
        if number == 500:
            raise RuntimeError("a secret of the validation")
        return number


class Output(BaseModel):
    number: float


def wait_for(path: str | None) -> None:
    while path is not None and not Path(path).exists():
        time.sleep(0.01)


class Echo(MLModel):  # type: ignore[misc]  # ml_base ships no types
    """Answers the number that it gets, once the file `predicts_with` exists; is loaded once `loads_with` does."""

    display_name = "Echo"
    qualified_name = "echo"
    description = "Answers the number that it gets."
    version = "1.2.3"
    input_schema = Input
    output_schema = Output

    def __init__(
        self,
        loads_with: str | None = None,
        predicts_with: str | None = None,
        error: str = "",
    ) -> None:
        wait_for(loads_with)
        if error:
            raise RuntimeError(error)
        self._predicts_with = predicts_with

    def predict(self, data: Any) -> Output:
        if data.number == 400:
            raise MLModelSchemaValidationException("400 is not allowed.")
        if data.number == 501:
            raise RuntimeError("a secret of the prediction")
        if data.number == 502:
            raise SystemExit("a secret of the exit")
        if data.number == 503:
            raise StopIteration("a secret of the iteration")
        if data.number == 504:
            raise asyncio.CancelledError("a secret of the cancellation")
        wait_for(self._predicts_with)
        return Output(number=data.number)


class OtherEcho(Echo):
    qualified_name = "other_echo"


class Watched(Echo):
    """Tells about each of its answers; several items are a batch, whose sizes are the numbers."""

    qualified_name = "watched"
    artifact_digest = "f00d"
    reference: ClassVar[Any] = {
        "labels": {"low": 0.75, "high": 0.25},
        "values": {
            "number": {"1": 0.5, "2.5": 0.25, "+Inf": 0.25, "missing": 0.0},
            "kind": {"odd": 0.5, "even": 0.5, "other": 0.0},
            "score": {"0.5": 1.0, "+Inf": 0.0},
        },
    }

    def observations(self, data: Input, answer: Output) -> tuple[dict[str, Any], Any, Any] | None:
        if data.number == 404:
            raise RuntimeError("a secret of the observation")
        if not data.items:
            return self.observation(answer.number)
        inputs, scores, labels = zip(*(self.observation(item.size) for item in data.items), strict=True)
        return {name: [each[name] for each in inputs] for name in ("number", "kind")}, scores, labels

    @staticmethod
    def observation(number: float) -> tuple[dict[str, Any], float | None, str]:
        kind = {0.0: "even", 1.0: "odd"}.get(number % 2, "fraction")
        inputs: dict[str, Any] = {"number": {99: None, 9700: "text"}.get(int(number), number), "kind": kind}
        return inputs, None if number == 98 else number / 10, "low" if number < 5 else "high"


class WatchedAsDict(Watched):
    """Answers with a dict, which its schema allows, and has a schema that only an instance shows."""

    qualified_name = "watched_as_dict"

    @property
    def input_schema(self) -> type[Input]:  # type: ignore[override]  # as ml_base has it
        return Input

    def predict(self, data: Input) -> Any:
        return {"number": data.number}

    def observations(self, data: Input, answer: Output) -> tuple[dict[str, Any], Any, Any] | None:
        if data.number == 503:
            raise SystemExit(1)
        return None if data.number == 0 else super().observations(data, answer)


class WithoutReference(Watched):
    qualified_name = "without_reference"
    reference = None


class NamedByInstance(Echo):
    @property
    def qualified_name(self) -> str:  # type: ignore[override]  # as ml_base has it
        return "named_by_instance"


class Incomplete(MLModel):  # type: ignore[misc]  # ml_base ships no types
    """A model that lacks its constructor and its version."""

    display_name = qualified_name = description = "incomplete"
    input_schema = Input
    output_schema = Output

    def predict(self, data: Any) -> Output:
        return Output(number=data.number)


class Doubling(MLModelDecorator):  # type: ignore[misc]  # ml_base ships no types
    def __init__(self, times: int = 1) -> None:
        super().__init__(times=times)

    def predict(self, data: Any) -> Output:
        return Output(number=2 ** self._configuration["times"] * self._model.predict(data).number)
