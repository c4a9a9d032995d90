"""The settings of the service and of its models: their names, bounds, defaults and descriptions."""

from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

COMPLETE = "complete"  # the type of an error whose message names what was found


class Section(BaseModel):
    """A section of the file. An unknown key in it is an error, which names its right place or the known keys."""

    model_config = ConfigDict(allow_inf_nan=False, use_attribute_docstrings=True)
    places: ClassVar[dict[str, type[BaseModel]]] = {}
    """The sections by their places in the file."""

    def __init_subclass__(cls, place: str = "", **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if place:
            cls.places[place] = cls

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, content: Any) -> Any:
        for key in content if isinstance(content, dict) else ():
            if key not in cls.model_fields:
                places = " or ".join(place for place, section in cls.places.items() if key in section.model_fields)
                advice = f" It belongs to {places}." if places else suggestion(str(key), cls.model_fields)
                raise problem(f"unknown key '{key}'.{advice} Known keys: {', '.join(cls.model_fields)}")
        return content


class Limits(Section, place="the section 'service' of a model"):
    """The limits of one model."""

    running: int = Field(default=1, ge=1)
    """predictions that may run at the same time, each in a thread"""
    waiting: int = Field(default=128, ge=0)
    """predictions that may wait for a thread; the next one is refused with 503"""
    answer_seconds: float = Field(default=10, ge=0)
    """deadline of a prediction, waiting included; then the answer is 503. 0: none"""
    stall_seconds: float = Field(default=30, ge=0)
    """a prediction that runs longer makes the service *stalled*. 0: never"""
    body_limit: int = Field(default=65_536, ge=1)
    """bytes that a body may have; a longer one is refused with 413"""
    value_limit: int = Field(default=50_000, ge=1)
    """values that a body may have, counted as commas and colons; more are refused with 400"""


class Settings(Limits, place="the section 'service' at the top level"):
    """The settings that the service has in addition to those of the framework."""

    stay_ready_seconds: float = Field(default=0, ge=0)
    """time from SIGTERM until the drain; on Kubernetes, longer than the service takes to start. 0: none"""
    drain_seconds: float = Field(default=5, ge=0)
    """time from the change of readiness to 503 until the listener closes"""
    finish_seconds: int = Field(default=20, ge=0)
    """time for requests in flight after the listener has closed"""
    keep_alive_seconds: int = Field(default=75, ge=1)
    """time after which an idle connection is closed; must be longer than in your proxy"""
    receive_seconds: float = Field(default=30, gt=0)
    """time in which a request must arrive; then the answer is 408"""
    buffer_limit: int = Field(default=67_108_864, ge=1)
    """bytes that incomplete requests and unread answers may have; above it, the oldest request gets 503"""
    metrics_port: int = Field(default=0, ge=0, le=65_535)
    """a port of its own for `/metrics`. 0: the port of the API"""
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """path at which a proxy publishes the service, such as `/risk`"""
    trusted_proxies: str = "127.0.0.1"
    """comma-separated addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted; `*`: all"""
    log_format: Literal["text", "json"] = "text"
    """`text` for people, `json` for machines"""
    prediction_log: str = ""
    """file that gets a line of JSON for each answer, or `stdout`; empty: none"""
    prediction_log_omit: str = ""
    """comma-separated inputs that the prediction log leaves out; `*`: all"""
    page: bool = True
    """whether `/` shows the page; otherwise it redirects to `/docs`"""

    @property
    def omitted(self) -> frozenset[str]:
        """The inputs that the prediction log leaves out."""
        return frozenset(self.prediction_log_omit.replace(" ", "").split(",")) - {""}

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, path: str) -> str:
        first = path.split("/")[1:2]
        if first and first[0] in ("api", "docs", "metrics", "openapi.json", "redoc", "static"):
            raise ValueError(f"/{first[0]} is a route of the service; use another path")  # it would have two meanings
        return path

    @field_validator("trusted_proxies")
    @classmethod
    def _check_addresses(cls, addresses: str) -> str:
        for address in addresses.split(",") if addresses not in ("", "*") else ():
            ip_network(address.strip())
        return addresses


def problem(message: str) -> PydanticCustomError:
    """Return an error whose message names what was found."""
    return PydanticCustomError(COMPLETE, "{message}", {"message": message})


def suggestion(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return a sentence with the known name that was probably meant, after `prefix`, or nothing."""
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean '{prefix}{close[0]}'?" if close else ""
