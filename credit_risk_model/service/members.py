"""Checks that the members of a model are what the service and its contract need."""

import inspect
import re
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from credit_risk_model.service.settings import problem

_TEXTS = ("display_name", "qualified_name", "description", "version")
_NAME = re.compile(r"[A-Za-z0-9._~-]*[A-Za-z0-9_~-][A-Za-z0-9._~-]*").fullmatch  # needs no escapes in an address
_NOT_CALLED = {
    inspect.iscoroutinefunction: "is a coroutine function. Write 'def' without 'async', and call asyncio.run in it",
    inspect.isasyncgenfunction: "is an asynchronous generator. Return one instance of output_schema",
    inspect.isgeneratorfunction: "is a generator. Return one instance of output_schema in place of 'yield'",
}


def check_members(model: Any) -> None:
    """Check the texts, the schemas and `predict` of a model, or of its class.

    Raises:
        ValueError: one cannot be used. A property of a class is not checked, because it has no value yet.
    """
    for name in _TEXTS:
        if not isinstance(text := getattr(model, name), property | cached_property):
            _check_text(name, text)
    for name in ("input_schema", "output_schema"):
        if not isinstance(schema := getattr(model, name), property | cached_property):
            _check_schema(name, schema)
    _check_predict(model)


def _check_text(name: str, text: Any) -> None:
    if not isinstance(text, str):
        raise problem(f"{name} is {text!r}, which is not a text")
    if name == "qualified_name" and not _NAME(text):
        raise problem(
            f"{name} is {text!r}, which cannot be part of an address. Use letters, digits, '_', '-', '.' and '~'"
        )


def _check_schema(name: str, schema: Any) -> None:
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise problem(f"{name} is {schema!r}, which is not a pydantic model (a subclass of pydantic.BaseModel)")
    try:
        schema.model_json_schema(mode="validation" if name == "input_schema" else "serialization")
    except Exception as error:  # pydantic raises several, and a field may have its own methods
        raise problem(f"{name} is {schema!r}, which has no JSON schema: {str(error).rstrip('.')}") from error


def _check_predict(model: Any) -> None:
    predict = model.predict
    for is_kind, words in _NOT_CALLED.items():
        if is_kind(predict):
            raise problem(f"predict {words}")
    arguments = (model, "data") if isinstance(model, type) else ("data",)
    try:
        inspect.signature(predict).bind(*arguments)
    except TypeError as error:
        raise problem(f"predict cannot be called with one argument, the input: {error}") from error
