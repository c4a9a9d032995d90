"""The YAML of the service, read more strictly than the framework reads it: nothing in it is passed over."""

import inspect
import logging.config
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from ml_base import MLModel, MLModelDecorator
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from rest_model_service.configuration import MetricsConfiguration, Model, ModelDecorator, ServiceConfiguration
from rest_model_service.helpers import load_type

PREFIX = "REST_"  # of the environment variables, as in REST_CONFIG


class ConfigurationError(Exception):
    """A service cannot be made of this configuration."""


class _Loader(yaml.SafeLoader):
    """Reads YAML, in which no key may stand twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        names = Counter(str(key.value) for key, _ in node.value)
        if twice := [name for name, times in names.items() if times > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"key '{twice[0]}' stands twice", node.start_mark)
        return node


class _Strict(BaseModel):
    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        unknown = [str(key) for key in data if key not in cls.model_fields] if isinstance(data, dict) else []
        if unknown:
            close = get_close_matches(unknown[0], cls.model_fields, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            text = f"unknown key {', '.join(map(repr, unknown))}.{hint} Known are: {', '.join(cls.model_fields)}."
            raise PydanticCustomError("unknown_key", "{text}", {"text": text})
        return data


class Limits(_Strict):
    """What one model may use."""

    running: int = Field(default=1, ge=1, description="predictions that run at once, each in a thread")
    waiting: int = Field(
        default=128, ge=0, description="predictions that wait for a thread; the next one is refused with 503"
    )
    body_limit: int = Field(default=65_536, ge=1, description="bytes of a body; a longer one is refused with 413")


class Settings(Limits):
    """What the service adds to the settings of the framework."""

    drain_seconds: float = Field(
        default=5,
        ge=0,
        allow_inf_nan=False,
        description="time from SIGTERM, which turns readiness, to the end of listening",
    )
    finish_seconds: int = Field(
        default=20, ge=0, description="time for what is in flight once the service listens no more"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="`text` for people, `json` for machines")


class _Decorator(_Strict, ModelDecorator):
    pass


class _Metrics(_Strict, MetricsConfiguration):
    pass


class _Model(_Strict, Model):
    decorators: list[_Decorator] | None = None  # type: ignore[assignment]  # nobody adds to the list
    service: Limits = Limits()


class Configuration(_Strict, ServiceConfiguration):
    """The framework's configuration, and the settings of this package under `service`."""

    models: list[_Model] = []  # type: ignore[assignment]  # as above
    metrics: _Metrics | None = None
    service: Settings = Settings()

    def limits(self, index: int) -> Limits:
        """Return what the model at `index` may use: its own settings before those of the service."""
        return self.service.model_copy(update=self.models[index].service.model_dump(exclude_unset=True))


def read(path: Path, environment: Mapping[str, str]) -> Configuration:
    """Read the file; a setting in the environment comes before the file's, as in REST_DRAIN_SECONDS=10.

    Raises:
        ConfigurationError: with one line for each problem, which names the file, the key and what is known.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a SafeLoader
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: no YAML can be read here: {error}. REST_CONFIG names the file.") from error
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{path}: expected keys and values, known are: {', '.join(Configuration.model_fields)}."
        )
    given = {name: PREFIX + name.upper() for name in Settings.model_fields if PREFIX + name.upper() in environment}
    if given and isinstance(content.get("service", {}), dict):
        content["service"] = content.get("service", {}) | {name: environment[given[name]] for name in given}
    try:
        configuration = Configuration.model_validate(content)
        if configuration.logging is not None:
            configuration.logging.setdefault("disable_existing_loggers", False)
            logging.config.dictConfig(configuration.logging)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_line(path, problem, given) for problem in error.errors())) from error
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        raise ConfigurationError(f"{path}: logging: {error}: {error.__cause__}.") from error
    _check_classes(path, configuration)
    return configuration


def dotted(location: Sequence[int | str]) -> str:
    """Return the path of a field as people write it: `models[0].class_path`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _line(path: Path, problem: Any, given: Mapping[str, str]) -> str:
    key = dotted(problem["loc"])
    if key.startswith("service.") and (variable := given.get(key.removeprefix("service."))):
        return f"environment variable {variable}: {problem['msg']}, found {problem['input']!r}."
    found = "" if problem["type"] in ("unknown_key", "missing") else f", found {problem['input']!r}."
    return f"{path}: {key or 'top level'}: {problem['msg']}{found}"


def _check_classes(path: Path, configuration: Configuration) -> None:
    names: dict[str, str] = {}
    for index, model in enumerate(configuration.models):
        key = f"{path}: models[{index}]"
        found = _load(f"{key}.class_path", model.class_path, MLModel)
        try:
            inspect.signature(found).bind(**(model.configuration or {}))
        except TypeError as error:
            known = f"Known are: {', '.join(inspect.signature(found).parameters)}."
            raise ConfigurationError(f"{key}.configuration: {error}. {known}") from error
        name = getattr(found, "qualified_name", None)
        if isinstance(name, str):  # a property is known only once the model is loaded
            if name in names:
                raise ConfigurationError(f"{key}.class_path: '{name}' is the name of {names[name]} too; names differ.")
            names[name] = f"models[{index}]"
        for number, decorator in enumerate(model.decorators or []):
            _load(f"{key}.decorators[{number}].class_path", decorator.class_path, MLModelDecorator)


def _load(key: str, class_path: str, base: type) -> type:
    try:
        found = load_type(class_path)
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise ConfigurationError(
            f"{key}: '{class_path}' does not import: {cause}.{_known(class_path, base)}"
        ) from error
    if not _fits(found, base):
        raise ConfigurationError(f"{key}: '{class_path}' is no {base.__name__} to make.{_known(class_path, base)}")
    return found


def _fits(found: object, base: type) -> bool:
    decorates = isinstance(found, type) and issubclass(found, MLModelDecorator)
    made = isinstance(found, type) and issubclass(found, base) and not inspect.isabstract(found)
    return made and decorates == (base is MLModelDecorator)


def _known(class_path: str, base: type) -> str:
    module = sys.modules.get(class_path.rpartition(".")[0])
    names = [name for name, found in vars(module).items() if found is not base and _fits(found, base)] if module else []
    return f" The module has: {', '.join(names)}." if names else ""
