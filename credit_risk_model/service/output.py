"""Writes the answer of a model as JSON, after a check against the model's output schema."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter


class OutputError(Exception):
    """A model gave an answer that its output schema does not allow."""


class Output:
    """The output schema of a model."""

    def __init__(self, schema: type[BaseModel]) -> None:
        self._schema = schema
        adapter = TypeAdapter(schema)
        self._validate = adapter.validate_python
        self._serializer = adapter.serializer

    def encode(self, answer: Any) -> tuple[BaseModel, bytes]:
        """Return the answer as an instance of the schema, and as JSON with the names that the contract shows.

        Raises:
            OutputError: the schema does not allow the answer, or a number in it is NaN or infinite.
        """
        try:
            if type(answer) is not self._schema:  # pydantic validated an instance when it was made
                answer = self._validate(answer, from_attributes=True, by_alias=True, by_name=True)
            body = self._serializer.to_json(answer, by_alias=True)
            if b"null" in body or b"NaN" in body or b"Infinity" in body:  # pydantic writes NaN as one of these
                plain = [self._serializer.to_python(answer, mode=mode) for mode in ("python", "json")]
                try:
                    json.dumps(plain, allow_nan=False, default=str, skipkeys=True)
                except ValueError as error:
                    found = next(filter(None, (_not_finite(each, self._schema.__name__) for each in plain)), error)
                    raise ValueError(found) from error
        except ValueError as error:
            raise OutputError(f"The answer does not fit {self._schema.__name__}: {error}") from error
        return answer, body


def _not_finite(value: Any, place: str) -> str | None:
    """Return what and where the first number is that JSON does not have, or None."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{place} is {value}, which JSON does not have."
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple | set | frozenset):
        parts = enumerate(value)
    return next(filter(None, (_not_finite(part, f"{place}[{key!r}]") for key, part in parts)), None)
