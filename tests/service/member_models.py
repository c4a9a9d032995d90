"""Models with members that the service cannot use, by the words of the message."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import singledispatchmethod, wraps
from typing import Any

from pydantic import BaseModel, ConfigDict

from tests.service.models import Echo, Input, Output


@dataclass
class Plain:
    number: float


class Unwritable(BaseModel):
    """Has a field that no JSON schema describes."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    value: Echo


class NumberAsVersion(Echo):
    version: Any = 1.0


class Slash(Echo):
    qualified_name = "risk/echo"


class Space(Echo):
    qualified_name = "my echo"


class Empty(Echo):
    qualified_name = ""


class Dots(Echo):
    qualified_name = ".."


class DataclassIn(Echo):
    input_schema: Any = Plain


class DataclassOut(Echo):
    output_schema: Any = Plain


class InstanceIn(Echo):
    input_schema: Any = Input(number=1)


class BaseOut(Echo):
    output_schema: Any = BaseModel


class UnwritableOut(Echo):
    output_schema: Any = Unwritable


class Coroutine(Echo):
    async def predict(self, data: Any) -> Output:  # type: ignore[override]  # this is the mistake
        return Output(number=data.number)


class Generator(Echo):
    def predict(self, data: Any) -> Any:
        yield Output(number=data.number)


class AsynchronousGenerator(Echo):
    async def predict(self, data: Any) -> AsyncIterator[Output]:  # type: ignore[override]  # this is the mistake
        yield Output(number=data.number)


class NoInput(Echo):
    def predict(self) -> Output:  # type: ignore[override]  # this is the mistake
        return Output(number=1)


class TwoInputs(Echo):
    def predict(self, data: Any, more: Any) -> Output:  # type: ignore[override]  # this is the mistake
        return Output(number=data.number + more)


class CheckIsTrue(Echo):
    self_check = True


class CheckIsNone(Echo):
    self_check = None


class CheckIsCoroutine(Echo):
    async def self_check(self) -> None:
        raise ValueError


class CheckIsGenerator(Echo):
    def self_check(self) -> Any:
        yield ValueError


class CheckWithArgument(Echo):
    def self_check(self, data: Any) -> None:
        raise ValueError


class StaticCheckWithArgument(Echo):
    @staticmethod
    def self_check(data: Any) -> None:
        raise ValueError


class ObservationsWithoutAnswer(Echo):
    def observations(self, data: Any) -> None: ...


class ObservationsIsCoroutine(Echo):
    async def observations(self, data: Any, answer: Any) -> None: ...


class ObservationsIsText(Echo):
    observations = "number"


class Static(Echo):
    """Has a static and a class method, which are allowed."""

    @staticmethod
    def predict(data: Any) -> Output:
        return Output(number=data.number)

    @classmethod
    def self_check(cls) -> bool:
        return True

    @staticmethod
    def observations(data: Any, answer: Any) -> None: ...


class Placeholder(Echo):
    """Gets its version when it is loaded."""

    version: Any = None

    def __init__(self) -> None:
        self.version = "1.0.0"


def _with_session(predict: Any) -> Any:
    @wraps(predict)
    def wrapper(self: Any, data: Any) -> Any:
        return predict(self, data, "session")

    return wrapper


class Wrapped(Echo):
    """Has a decorator that adds an argument."""

    @_with_session
    def predict(self, data: Any, session: str) -> Output:
        return Output(number=data.number)


class Dispatching(Echo):
    """Has a method that chooses a function by the type of the input."""

    @singledispatchmethod
    def predict(self, data: Any) -> Output:
        return Output(number=data.number)


class WithoutSignature(Echo):
    """Has a function in C as its self-check."""

    self_check: Any = staticmethod(dict)


ALLOWED = [Static, Placeholder, Wrapped, Dispatching, WithoutSignature]
WORDS = {
    NumberAsVersion: "version is 1.0, which is not a text.",
    Slash: "qualified_name is 'risk/echo', which is not allowed in an address. Use only letters,",
    Space: "qualified_name is 'my echo', which is not allowed in",
    Empty: "qualified_name is '', which is not allowed in",
    Dots: "qualified_name is '..', which is not allowed in",
    DataclassIn: "input_schema is <class 'tests.service.member_models.Plain'>, which is not a pydantic model",
    DataclassOut: "output_schema is <class 'tests.service.member_models.Plain'>, which is not a pydantic model",
    InstanceIn: "input_schema is Input(number=1.0, items=[]), which is not a pydantic model",
    BaseOut: "output_schema is <class 'pydantic.main.BaseModel'>, which has no JSON schema:",
    UnwritableOut: "output_schema is <class 'tests.service.member_models.Unwritable'>, which has no JSON schema:",
    Coroutine: "predict is a coroutine function. Write 'def' without 'async'",
    Generator: "predict is a generator. Write 'return' in place of 'yield'.",
    AsynchronousGenerator: "predict is an asynchronous generator.",
    NoInput: "predict cannot be called with one argument, the input: too many positional arguments.",
    TwoInputs: "predict cannot be called with one argument, the input: missing a required argument: 'more'.",
    CheckIsTrue: "self_check is True, which is not a method.",
    CheckIsNone: "self_check is None, which is not a method.",
    CheckIsCoroutine: "self_check is a coroutine function.",
    CheckIsGenerator: "self_check is a generator.",
    CheckWithArgument: "self_check cannot be called with no argument: missing a required argument: 'data'.",
    StaticCheckWithArgument: "self_check cannot be called with no argument: missing a required argument: 'data'.",
    ObservationsWithoutAnswer: "observations cannot be called with two arguments, the input and the answer: too many",
    ObservationsIsCoroutine: "observations is a coroutine function.",
    ObservationsIsText: "observations is 'number', which is not a method.",
}
