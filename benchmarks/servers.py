"""The servers to compare: how each one is started and requested, with the same booster, schemas and threshold."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from benchmarks.load import PREDICTION
from benchmarks.results import ROOT
from credit_risk_model import artifact, features

BUILD = ROOT / "build" / "benchmark"
SHIPPED = "credit_risk_model.prediction.model.CreditRiskModel"

Loan = dict[str, Any]


@cache
def _threshold() -> float:
    return artifact.read(artifact.PACKAGED, features=features.LOAN.specification()).threshold


def _label(probability: float) -> str:
    return "risky" if probability >= _threshold() else "safe"


def _row(loan: Loan) -> list[float]:
    return features.LOAN.encode_row(loan)


@dataclass(frozen=True, kw_only=True)
class Server:
    """How a server is started and requested.

    `command` is a program of `environment`. In it, `{port}` is replaced by the port, and `{saved}` by the folder to
    which the module `saved_by` saved the model. In `variables`, `{configuration}` is replaced by the path of the
    project's configuration with the model `class_path`. `body` turns a loan into the body of a request; `risk` returns
    the label of an answer.
    """

    name: str
    environment: str
    command: str
    variables: dict[str, str] = field(default_factory=dict)
    saved_by: str | None = None
    class_path: str = SHIPPED
    path: str = "/prediction"
    ready: str = "/ready"
    body: Callable[[Loan], Any] = dict
    risk: Callable[[Any], str] = lambda answer: answer["credit_risk"]


def _configured(name: str, command: str, class_path: str, environment: str = "service") -> Server:
    return Server(
        name=name,
        environment=environment,
        command=command,
        variables={"REST_CONFIG": "{configuration}"},
        class_path=class_path,
        path=PREDICTION,
        ready="/api/health/ready",
    )


_COMPOSED = "python -m credit_risk_model.service --port {port}"
_STOCK = "python -m uvicorn rest_model_service.main:app --port {port}"

OURS = _configured("this project", _COMPOSED, SHIPPED)
CEILING = _configured("its ceiling: a model that answers a constant", _COMPOSED, "benchmarks.served.constant.Constant")
SAME_LOAN = _configured("this project, always about the same loan", _COMPOSED, "benchmarks.served.same_loan.SameLoan")
BUSY = _configured("a constant after computing for 20 µs", _COMPOSED, "benchmarks.served.constant.Busy")
STOCK = _configured("this model in the stock application", _STOCK, SHIPPED)
ARTICLE = _configured("the article's way", _STOCK, "benchmarks.served.article.Article", "article")
BY_HAND = Server(
    name="FastAPI by hand",
    environment="fastapi",
    command="uvicorn benchmarks.served.by_hand:app --port {port}",
)
IN_LOOP = Server(
    name="FastAPI by hand, in the event loop",
    environment="fastapi",
    command="uvicorn benchmarks.served.by_hand:app --port {port}",
    path="/prediction_in_loop",
)
BENTOML = Server(
    name="BentoML",
    environment="bentoml",
    command="bentoml serve benchmarks.served.with_bentoml:CreditRisk --host 127.0.0.1 --port {port}",
    variables={"BENTOML_DO_NOT_TRACK": "True"},
    ready="/readyz",
)
LITSERVE = Server(
    name="LitServe",
    environment="litserve",
    command="python -m benchmarks.served.with_litserve {port}",
    ready="/health",
)


def _mlserver(name: str, workers: int) -> Server:
    ports = {"MLSERVER_HTTP_PORT": "{port}", "MLSERVER_GRPC_PORT": "{other_port}", "MLSERVER_METRICS_PORT": "0"}
    return Server(
        name=name,
        environment="mlserver",
        command="mlserver start {saved}",
        variables=ports | {"MLSERVER_PARALLEL_WORKERS": str(workers)},
        saved_by="benchmarks.served.with_mlserver",
        path="/v2/models/credit_risk/infer",
        ready="/v2/models/credit_risk/ready",
        body=lambda loan: {"inputs": [{"name": "loan", "shape": [1, 16], "datatype": "FP64", "data": _row(loan)}]},
        risk=lambda answer: _label(answer["outputs"][0]["data"][0]),
    )


MLSERVER = _mlserver("MLServer", 1)  # its default
MLSERVER_ALONE = _mlserver("MLServer without its worker process", 0)
MLFLOW = Server(
    name="MLflow",
    environment="mlflow",
    command="mlflow models serve -m {saved} --host 127.0.0.1 --port {port} --env-manager local --workers 1",
    saved_by="benchmarks.served.with_mlflow",
    path="/invocations",
    ready="/health",
    body=lambda loan: {"inputs": [_row(loan)]},
    risk=lambda answer: _label(answer["predictions"][0]),
)
RAY = Server(
    name="Ray Serve",
    environment="ray",
    command="python -m benchmarks.served.with_ray {port}",
    variables={"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"},
    ready="/-/healthz",
)
SERVERS = (OURS, CEILING, STOCK, ARTICLE, BY_HAND, IN_LOOP, MLSERVER, MLSERVER_ALONE, BENTOML, LITSERVE, MLFLOW, RAY)
