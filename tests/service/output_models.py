"""Models whose answers do not always fit their output schema."""

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from tests.service.models import Echo, Output


class Part(BaseModel):
    weight: float | None = None
    name: str = ""


class Scored(BaseModel):
    """The output schema: a score, with an alias, and parts."""

    score: float = Field(alias="riskScore")
    parts: list[Part] = []
    more: dict[str, Any] = {}
    sums: set[float] = Field(default=set(), exclude_if=lambda sums: not sums)


class Extended(Scored):
    secret: str = "internal"


@dataclass
class Plain:
    """Has the fields of the schema."""

    score: float
    parts: tuple[Part, ...] = ()


def scored(score: Any = 0.5, **fields: Any) -> Scored:
    return Scored(riskScore=score, **fields)


ALLOWED: dict[str, tuple[Any, str]] = {
    "an instance": (scored(), '{"riskScore":0.5,"parts":[],"more":{}}'),
    "none where it may be": (scored(parts=[Part()]), '{"riskScore":0.5,"parts":[{"weight":null,"name":""}],"more":{}}'),
    "none under a key that is not a text": (
        scored(more={"a": {date(2020, 1, 1): None}}),
        '{"riskScore":0.5,"parts":[],"more":{"a":{"2020-01-01":null}}}',
    ),
    "the words NaN and null": (
        scored(parts=[Part(name="NaN null")]),
        '{"riskScore":0.5,"parts":[{"weight":null,"name":"NaN null"}],"more":{}}',
    ),
    "a dict": ({"score": 1}, '{"riskScore":1.0,"parts":[],"more":{}}'),
    "a dict with the alias": ({"riskScore": 1}, '{"riskScore":1.0,"parts":[],"more":{}}'),
    "an object with the fields": (Plain(0.5), '{"riskScore":0.5,"parts":[],"more":{}}'),
    "an instance of a subclass": (Extended(riskScore=0.5), '{"riskScore":0.5,"parts":[],"more":{}}'),
}
REFUSED: dict[str, tuple[Any, str]] = {
    "NaN": (scored(math.nan), "not JSON compliant"),
    "infinity": (scored(math.inf), "not JSON compliant"),
    "minus infinity in a list": (scored(parts=[Part(weight=-math.inf)]), "not JSON compliant"),
    "NaN in a dict": (scored(more={"a": [math.nan]}), "not JSON compliant"),
    "infinity in a set": (scored(sums={math.inf}), "not JSON compliant"),
    "NaN as a dict": ({"score": math.nan}, "not JSON compliant"),
    "another schema": (Output(number=1), "riskScore"),
    "a dict without a field": ({"parts": []}, "riskScore"),
    "a dict with a wrong field": ({"score": "high"}, "valid number"),
    "nothing": (None, "valid dictionary"),
    "a number": (0.5, "valid dictionary"),
    "text": ("risky", "valid dictionary"),
}
ANSWERS = [answer for answer, _ in (*ALLOWED.values(), *REFUSED.values())]


class Answering(Echo):
    """Gives the answer whose position it gets."""

    output_schema: Any = Scored

    def predict(self, data: Any) -> Any:
        return ANSWERS[int(data.number)]


class Untyped(Echo):
    output_schema: Any = dict


class UntypedInstance(Echo):
    @property
    def output_schema(self) -> Any:  # type: ignore[override]  # as ml_base has it
        return dict
