"""A model of other things than loans, whose every text tries to become HTML or a script on the page."""

from enum import StrEnum
from typing import Any

from ml_base import MLModel
from pydantic import BaseModel, Field, field_validator

SCRIPT = "<img src=x onerror='window.broken = 1'><script>window.broken = 1</script>"
CARD = f"""# Card {SCRIPT}

{SCRIPT}

- [link](javascript:alert(1)) and [good](https://example.org/a?b=1&c="d")
- `{SCRIPT}`

| a | b |
| --- | ---: |
| {SCRIPT} | **1** |

    {SCRIPT}
"""


class Colour(StrEnum):
    RED = "red"
    SCRIPT = SCRIPT


class Size(BaseModel, extra="forbid"):
    width: float = Field(gt=0, examples=[1.5])
    height: float = Field(ge=0, le=9, examples=[2.5])


class Input(BaseModel, extra="forbid"):
    name: str = Field(title=f"Name {SCRIPT}", description=f"A name. {SCRIPT}", examples=[SCRIPT])
    colour: Colour = Field(examples=[Colour.SCRIPT])
    size: Size
    count: int | None = Field(default=None, ge=1, le=5)
    is_new: bool = Field(examples=[True])
    tags: list[str] = Field(default=[], examples=[["a", "b"]])

    @field_validator("name")
    @classmethod
    def _break(cls, name: str) -> str:
        if name == "wrong":
            raise ValueError(SCRIPT)
        return name


class Part(BaseModel):
    name: str
    contribution: float = Field(description=f"A part. {SCRIPT}")


class Output(BaseModel):
    name: str = Field(description=SCRIPT)
    parts: list[Part] = Field(description=SCRIPT)
    rows: list[dict[str, str]]


class Hostile(MLModel):  # type: ignore[misc]  # ml_base ships no types
    display_name = f"Hostile {SCRIPT}"
    qualified_name = "hostile"
    description = SCRIPT
    version = SCRIPT
    artifact_digest = SCRIPT
    model_card = CARD
    input_schema = Input
    output_schema = Output

    def __init__(self) -> None:
        pass

    def predict(self, data: Any) -> Output:
        parts = [Part(name=SCRIPT, contribution=2.0), Part(name="other", contribution=-1.0)]
        return Output(name=data.name, parts=parts, rows=[{"tag": tag, SCRIPT: SCRIPT} for tag in data.tags])
