"""Reads the YAML file of the service strictly: every mistake in it is an error that names the key."""

import inspect
import logging.config
import os
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml
from ml_base import MLModel, MLModelDecorator
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from rest_model_service.configuration import MetricsConfiguration, Model, ModelDecorator, ServiceConfiguration
from rest_model_service.helpers import load_type

from credit_risk_model.service.members import check_members
from credit_risk_model.service.settings import COMPLETE, Limits, Section, Settings, problem, suggestion

PREFIX = "REST_"  # of the environment variables, as in REST_CONFIG
FILE = "REST_CONFIG"


class ConfigurationError(Exception):
    """The service cannot start with this configuration."""


class _Loadable(Section):
    """A class that the file names, and the arguments with which it is made."""

    base: ClassVar[type]

    @field_validator("class_path", check_fields=False)
    @classmethod
    def _check_class(cls, class_path: str) -> str:
        loaded = _load(class_path)
        if not (isinstance(loaded, type) and issubclass(loaded, cls.base)):
            raise ValueError(f"not a subclass of {cls.base.__name__}")
        if cls.base is MLModel and issubclass(loaded, MLModelDecorator):
            raise ValueError("a decorator, not a model")
        if missing := sorted(getattr(loaded, "__abstractmethods__", ())):
            raise problem(f"'{class_path}' lacks {', '.join(missing)}")
        if cls.base is MLModel:
            check_members(loaded)
        return class_path

    @field_validator("configuration", check_fields=False)
    @classmethod
    def _check_arguments(cls, arguments: dict[str, Any] | None, info: ValidationInfo) -> dict[str, Any] | None:
        if "class_path" in info.data:  # the class was accepted
            signature = inspect.signature(_load(info.data["class_path"]))
            problems = []
            for bind in (signature.bind_partial, signature.bind):  # the second names a missing argument only
                try:
                    bind(**(arguments or {}))
                except TypeError as error:
                    problems.append(str(error))
            if problems:
                named = ", ".join(dict.fromkeys(problems))
                raise problem(f"{named}. Known keys: {', '.join(signature.parameters)}")
        return arguments


class _Decorator(_Loadable, ModelDecorator):
    base = MLModelDecorator


class _Metrics(Section, MetricsConfiguration, place="the section 'metrics'"):
    pass


class _Model(_Loadable, Model, place="a model"):
    base = MLModel
    decorators: list[_Decorator] | None = None  # type: ignore[assignment]  # nobody adds to the list
    service: Limits = Limits()


class Configuration(Section, ServiceConfiguration, place="the top level"):
    """The framework's configuration, and the settings of this package under `service`."""

    models: list[_Model] = Field(min_length=1)  # type: ignore[assignment]  # as above
    metrics: _Metrics | None = None
    service: Settings = Settings()

    @field_validator("models")
    @classmethod
    def _check_names(cls, models: list[_Model]) -> list[_Model]:
        given = [getattr(_load(model.class_path), "qualified_name", None) for model in models]
        names = Counter(name for name in given if isinstance(name, str))  # a property is known once the model is loaded
        for name, count in names.items():
            if count > 1:
                raise problem(f"{count} models have the name '{name}'")
        return models

    @field_validator("service")
    @classmethod
    def _check_service(cls, settings: Settings, info: ValidationInfo) -> Settings:
        models, metrics = info.data.get("models", []), info.data.get("metrics")
        schemas = [getattr(_load(model.class_path), "input_schema", None) for model in models]
        if schemas and all(isinstance(schema, type) for schema in schemas):  # otherwise checked after loading
            check_omitted(settings, schemas)
        if settings.metrics_port and not (metrics and metrics.enabled):
            raise problem("metrics_port needs 'metrics: {enabled: true}'")
        return settings

    def limits(self, index: int) -> Limits:
        """Return the limits of the model at `index`; its own settings override those of the service."""
        return self.service.model_copy(update=self.models[index].service.model_dump(exclude_unset=True))


class _Loader(yaml.SafeLoader):
    """Reads YAML, and refuses a key that an object has twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        names = Counter(str(key.value) for key, _ in node.value)
        if twice := [name for name, times in names.items() if times > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate key '{twice[0]}'", node.start_mark)
        return node


def path() -> Path:
    return Path(os.environ.get(FILE, "rest_config.yaml"))


def from_environment() -> Configuration:
    return read(path(), os.environ)


def read(path: Path, environment: Mapping[str, str]) -> Configuration:
    """Read the file; a variable of the environment, such as REST_DRAIN_SECONDS, overrides the setting in the file.

    Raises:
        ConfigurationError: with one line for each problem, which names the file and the key.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a SafeLoader
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error.strerror or error}. {FILE} names the file."
        ) from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read as YAML: {error}. {FILE} names the file.") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected keys and values.")
    given = {name: PREFIX + name.upper() for name in Settings.model_fields if PREFIX + name.upper() in environment}
    if given and isinstance(content.get("service", {}), dict):
        content["service"] = content.get("service", {}) | {name: environment[given[name]] for name in given}
    try:
        configuration = Configuration.model_validate(content)
        if configuration.logging is not None:
            configuration.logging.setdefault("disable_existing_loggers", False)
            logging.config.dictConfig(configuration.logging)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_line(path, each, given) for each in error.errors())) from error
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        raise ConfigurationError(f"{path}: logging: {error}: {error.__cause__}.") from error
    return configuration


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a warning for each variable that looks like a setting and is not one."""
    known = [FILE.removeprefix(PREFIX), *(name.upper() for name in Settings.model_fields)]
    given = [name.removeprefix(PREFIX) for name in sorted(environment) if name.startswith(PREFIX)]
    return [
        f"The environment variable {PREFIX}{name} is not a setting.{suggestion(name, known, PREFIX)}"
        for name in given
        if name not in known
    ]


def check_omitted(settings: Settings, schemas: Iterable[Any]) -> None:
    """Raise an exception if no input schema has one of the inputs that the prediction log leaves out."""
    known = {"*", *(name for schema in schemas for names in input_names(schema) for name in names)}
    for name in sorted(settings.omitted - known):
        raise problem(f"prediction_log_omit: no model has the input '{name}'.{suggestion(name, known)}")


def dotted(location: Sequence[int | str]) -> str:
    """Return the path of a field as people write it: `models[0].class_path`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _line(path: Path, error: Any, given: Mapping[str, str]) -> str:
    key = dotted(error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "model_type":  # pydantic's message names our class
        message = "expected keys and values"
    if error["type"] not in ("missing", COMPLETE):
        message += f", found {error['input']!r}"
    if key.startswith("service.") and (variable := given.get(key.removeprefix("service."))):
        return f"environment variable {variable}: {message}."
    return f"{path}: {key or 'top level'}: {message}."


def input_names(schema: Any) -> list[tuple[str, str]]:
    """Return the name and the alias of each field of a schema, also of the schemas inside it."""
    both = [schema.model_json_schema(by_alias=by_alias) for by_alias in (False, True)]
    names, aliases = (
        [name for part in (whole, *whole.get("$defs", {}).values()) for name in part.get("properties", {})]
        for whole in both
    )
    return list(zip(names, aliases, strict=True))


def _load(class_path: str) -> Any:
    if "." not in class_path.strip("."):
        raise problem(f"'{class_path}' has no module: write 'module.Class'")
    try:
        return load_type(class_path)
    except ModuleNotFoundError as error:
        raise problem(f"'{class_path}' cannot be imported: {_missing(class_path, error.name or '')}") from error
    except (AttributeError, ValueError) as error:
        raise ValueError(f"the import failed: {error}") from error
    except Exception as error:  # the file is right, the module or the system is not
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = "" if isinstance(error, SyntaxError) else f" ({where.filename}, line {where.lineno})"
        raise ConfigurationError(f"Importing '{class_path}' failed: {type(error).__name__}: {error}{place}") from error


def _missing(class_path: str, module: str) -> str:
    if class_path.startswith(f"{module}."):
        return (
            f"no module '{module}' in the current folder ({Path.cwd()}) or among the installed packages. Install the "
            "package, or set PYTHONPATH to the folder that has it"
        )
    return f"it needs '{module}', which is not installed"
