"""The YAML of the service, read more strictly than the framework reads it: no mistake in it is ignored."""

import inspect
import logging.config
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

import yaml
from ml_base import MLModel, MLModelDecorator
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from rest_model_service.configuration import MetricsConfiguration, Model, ModelDecorator, ServiceConfiguration
from rest_model_service.helpers import load_type

PREFIX = "REST_"  # of the environment variables, as in REST_CONFIG
FILE = "REST_CONFIG"
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


class ConfigurationError(Exception):
    """The service cannot start with this configuration."""


class Limits(BaseModel):
    """What one model may use."""

    model_config = _STRICT

    running: int = Field(default=1, ge=1, description="predictions that run at the same time, each in a thread")
    waiting: int = Field(
        default=128, ge=0, description="predictions that wait for a thread; the next one is refused with 503"
    )
    answer_seconds: float = Field(
        default=10, ge=0, description="deadline of a prediction; after it the answer is 503. 0: none"
    )
    stall_seconds: float = Field(
        default=30, ge=0, description="a prediction that runs longer makes the service *stalled*. 0: never"
    )
    body_limit: int = Field(default=65_536, ge=1, description="bytes of a body; a longer one is refused with 413")
    value_limit: int = Field(
        default=50_000, ge=1, description="commas and colons in a body; one with more is refused with 400"
    )


class Settings(Limits):
    """What the service adds to the settings of the framework."""

    drain_seconds: float = Field(
        default=5, ge=0, description="time from SIGTERM, when readiness turns to 503, until the listener closes"
    )
    finish_seconds: int = Field(
        default=20, ge=0, description="time for requests in flight after the listener has closed"
    )
    keep_alive_seconds: int = Field(
        default=75, ge=1, description="time after which an idle connection is closed; longer than a proxy keeps it"
    )
    receive_seconds: float = Field(
        default=30, gt=0, description="time in which a request must arrive; after it the answer is 408"
    )
    buffer_limit: int = Field(
        default=67_108_864, ge=1, description="bytes of all requests that arrive; beyond it the oldest gets 503"
    )
    root_path: str = Field(
        default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$", description="path under which a proxy shows the service: `/risk`"
    )
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="addresses whose `X-Forwarded-For` and `-Proto` count, with commas between; `*`: all",
    )
    log_format: Literal["text", "json"] = Field(default="text", description="`text` for people, `json` for machines")
    page: bool = Field(default=True, description="whether `/` shows the page; without it, `/` redirects to `/docs`")

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, path: str) -> str:
        if path.split("/")[1:2] in (["api"], ["metrics"]):  # is it the proxy's path, or a route without it?
            raise ValueError("probes and Prometheus ask there, past the proxy; use another path")
        return path

    @field_validator("trusted_proxies")
    @classmethod
    def _check_addresses(cls, addresses: str) -> str:
        for address in addresses.split(",") if addresses not in ("", "*") else ():
            ip_network(address.strip())
        return addresses


class _Decorator(ModelDecorator):
    model_config = _STRICT


class _Metrics(MetricsConfiguration):
    model_config = _STRICT


class _Model(Model):
    model_config = _STRICT

    decorators: list[_Decorator] | None = None  # type: ignore[assignment]  # nobody adds to the list
    service: Limits = Limits()


class Configuration(ServiceConfiguration):
    """The framework's configuration, and the settings of this package under `service`."""

    model_config = _STRICT

    models: list[_Model] = Field(min_length=1)  # type: ignore[assignment]  # as above
    metrics: _Metrics | None = None
    service: Settings = Settings()

    def limits(self, index: int) -> Limits:
        """Return what the model at `index` may use: its own settings before those of the service."""
        return self.service.model_copy(update=self.models[index].service.model_dump(exclude_unset=True))

    @property
    def shows_metrics(self) -> bool:
        """Whether there is a route `/metrics`."""
        return self.metrics is not None and self.metrics.enabled


class _Loader(yaml.SafeLoader):
    """Reads YAML, and refuses a key that an object has twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        names = Counter(str(key.value) for key, _ in node.value)
        if twice := [name for name, times in names.items() if times > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate key '{twice[0]}'", node.start_mark)
        return node


def path() -> Path:
    """Return the name of the file."""
    return Path(os.environ.get(FILE, "rest_config.yaml"))


def from_environment() -> Configuration:
    """Read the file that REST_CONFIG names, and the settings in the environment.

    Raises:
        ConfigurationError: as `read`.
    """
    return read(path(), os.environ)


def read(path: Path, environment: Mapping[str, str]) -> Configuration:
    """Read the file; a setting in the environment counts before the file's, as in REST_DRAIN_SECONDS=10.

    Raises:
        ConfigurationError: with one line for each problem, which names the file and the key.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a SafeLoader
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read as YAML: {error}. {FILE} names the file.") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected keys and values; {_known(Configuration)}.")
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


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a warning for each variable that looks like a setting and is not one."""
    known = [FILE.removeprefix(PREFIX), *(name.upper() for name in Settings.model_fields)]
    given = [name.removeprefix(PREFIX) for name in sorted(environment) if name.startswith(PREFIX)]
    return [
        f"The environment variable {PREFIX}{name} is not a setting.{_suggestion(name, known, PREFIX)}"
        for name in given
        if name not in known
    ]


def dotted(location: Sequence[int | str]) -> str:
    """Return the path of a field as people write it: `models[0].class_path`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _line(path: Path, problem: Any, given: Mapping[str, str]) -> str:
    location = problem["loc"]
    key = dotted(location)
    if problem["type"] == "extra_forbidden":
        model = _model_at(location[:-1])
        where = dotted(location[:-1]) or "top level"
        suggestion = _suggestion(str(location[-1]), model.model_fields)
        return f"{path}: {where}: unknown key '{location[-1]}'.{suggestion} {_known(model)}."
    if key.startswith("service.") and (variable := given.get(key.removeprefix("service."))):
        return f"environment variable {variable}: {problem['msg']}, found {problem['input']!r}."
    found = "" if problem["type"] == "missing" else f", found {problem['input']!r}."
    return f"{path}: {key or 'top level'}: {problem['msg']}{found}"


def _model_at(location: Sequence[int | str]) -> type[BaseModel]:
    """Return the class of the section at this place of the configuration."""
    names = [part for part in location if isinstance(part, str)]
    sections: dict[str, type[BaseModel]] = {"models": _Model, "metrics": _Metrics, "decorators": _Decorator}
    if not names:
        return Configuration
    return (Limits if len(names) > 1 else Settings) if names[-1] == "service" else sections[names[-1]]


def _known(model: type[BaseModel]) -> str:
    return f"Known keys: {', '.join(model.model_fields)}"


def _suggestion(name: str, known: Any, prefix: str = "") -> str:
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean '{prefix}{close[0]}'?" if close else ""


def _check_classes(path: Path, configuration: Configuration) -> None:
    names: dict[str, str] = {}
    for index, model in enumerate(configuration.models):
        key = f"{path}: models[{index}]"
        model_class = _load(key, model.class_path, MLModel)
        _check_arguments(key, model_class, model.configuration)
        name = getattr(model_class, "qualified_name", None)
        if isinstance(name, str):  # a property is known only once the model is loaded
            if name in names:
                raise ConfigurationError(f"{key}.class_path: {names[name]} has the name '{name}' too.")
            names[name] = f"models[{index}]"
        for number, decorator in enumerate(model.decorators or []):
            place = f"{key}.decorators[{number}]"
            _check_arguments(place, _load(place, decorator.class_path, MLModelDecorator), decorator.configuration)


def _check_arguments(key: str, found: type, arguments: dict[str, Any] | None) -> None:
    signature = inspect.signature(found)
    try:
        signature.bind(**(arguments or {}))
    except TypeError as error:
        known = f"Known keys: {', '.join(signature.parameters)}."
        raise ConfigurationError(f"{key}.configuration: {error}. {known}") from error


def _load(key: str, class_path: str, base: type) -> type:
    try:
        found = load_type(class_path)
    except (ModuleNotFoundError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"{key}.class_path: importing '{class_path}' failed: {error}.{_classes(class_path, base)}"
        ) from error
    except Exception as error:  # the file is right, the module or the system is not
        raise ConfigurationError(f"Importing '{class_path}' failed: {type(error).__name__}: {error}") from error
    if not _fits(found, base):
        what = f"is not a concrete {base.__name__} subclass"
        raise ConfigurationError(f"{key}.class_path: '{class_path}' {what}.{_classes(class_path, base)}")
    return found


def _fits(found: object, base: type) -> bool:
    decorates = isinstance(found, type) and issubclass(found, MLModelDecorator)
    concrete = isinstance(found, type) and issubclass(found, base) and not inspect.isabstract(found)
    return concrete and decorates == (base is MLModelDecorator)


def _classes(class_path: str, base: type) -> str:
    module = sys.modules.get(class_path.rpartition(".")[0])
    names = [name for name, found in vars(module).items() if found is not base and _fits(found, base)] if module else []
    return f" The module has: {', '.join(names)}." if names else ""
