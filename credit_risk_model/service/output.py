"""Writes the answer of a model as JSON, after a check against the model's output schema."""

import json
from typing import Any

from pydantic import BaseModel, TypeAdapter


class OutputError(Exception):
    """A model gave an answer that its output schema does not allow, or that has NaN or infinity."""


class Output:
    """The output schema of a model."""

    def __init__(self, schema: type[BaseModel]) -> None:
        self._schema = schema
        adapter = TypeAdapter(schema)
        self._validate = adapter.validate_python
        self._serializer = adapter.serializer

    def encode(self, answer: Any) -> tuple[BaseModel, bytes]:
        """Return the answer as an instance of the schema, and as JSON with the names that the contract shows."""
        try:
            if type(answer) is not self._schema:  # pydantic validated an instance when it was made
                answer = self._validate(answer, from_attributes=True, by_alias=True, by_name=True)
            body = self._serializer.to_json(answer, by_alias=True)
            if b"null" in body or b"NaN" in body or b"Infinity" in body:  # pydantic writes NaN as one of these
                plain = [self._serializer.to_python(answer, mode=mode) for mode in ("python", "json")]
                json.dumps(plain, allow_nan=False, default=str, skipkeys=True)
        except ValueError as error:
            raise OutputError(f"The answer does not fit {self._schema.__name__}: {error}") from error
        return answer, body
