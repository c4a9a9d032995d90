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
    inspect.isasyncgenfunction: "is an asynchronous generator. Write 'def' without 'async', and no 'yield'",
    inspect.isgeneratorfunction: "is a generator. Write 'return' in place of 'yield'",
}
_ARGUMENTS = {
    "predict": (("data",), "one argument, the input"),
    "self_check": ((), "no argument"),
    "observations": (("data", "answer"), "two arguments, the input and the answer"),
}


def check_members(model: Any) -> None:
    """Check the texts, the schemas and the methods of a model, or of its class.

    Raises:
        ValueError: one cannot be used. Properties and other placeholders of a class are not checked, because they have
            no value yet.
    """
    for name in _TEXTS:
        text = getattr(model, name)
        if not (isinstance(model, type) and (text is None or hasattr(text, "__get__"))):
            _check_text(name, text)
    for name in ("input_schema", "output_schema"):
        if not isinstance(schema := getattr(model, name), property | cached_property):
            _check_schema(name, schema)
    for name in _ARGUMENTS:
        if hasattr(model, name) and not isinstance(getattr(model, name), property | cached_property):
            _check_method(model, name)


def _check_text(name: str, text: Any) -> None:
    if not isinstance(text, str):
        raise problem(f"{name} is {text!r}, which is not a text")
    if name == "qualified_name" and not _NAME(text):
        raise problem(
            f"{name} is {text!r}, which is not allowed in an address. Use only letters, digits, '_', '-', '.' and '~'"
        )


def _check_schema(name: str, schema: Any) -> None:
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise problem(f"{name} is {schema!r}, which is not a pydantic model (a subclass of pydantic.BaseModel)")
    try:
        schema.model_json_schema(mode="validation" if name == "input_schema" else "serialization")
    except Exception as error:  # pydantic raises several, and a field may have its own methods
        raise problem(f"{name} is {schema!r}, which has no JSON schema: {str(error).rstrip('.')}") from error


def _check_method(model: Any, name: str) -> None:
    method = getattr(model, name)
    arguments, words = _ARGUMENTS[name]
    if not callable(method):
        raise problem(f"{name} is {method!r}, which is not a method")
    for is_kind, advice in _NOT_CALLED.items():
        if is_kind(method):
            raise problem(f"{name} {advice}")
    try:
        signature = inspect.signature(method, follow_wrapped=False)  # a wrapper may add or remove arguments
    except ValueError:  # functions in C may have none
        return
    try:
        signature.bind(*_self(model, name), *arguments)
    except TypeError as error:
        raise problem(f"{name} cannot be called with {words}: {error}") from error


def _self(model: Any, name: str) -> tuple[Any, ...]:
    """Return the argument that a method of a class has before the others, unless it is static or bound."""
    if not isinstance(model, type):
        return ()
    method = inspect.getattr_static(model, name)
    return () if isinstance(method, staticmethod | classmethod) or not hasattr(method, "__get__") else (model,)
