"""The compared servers: how each one is installed, started, probed and asked, with the same booster and threshold."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.load import PREDICTION
from benchmarks.results import ROOT
from credit_risk_model import artifact, features

BUILD = ROOT / "build" / "benchmark"
SHIPPED = "credit_risk_model.prediction.model.CreditRiskModel"
DATE = "2026-11-22"  # uv installs the packages of the other servers as they were on this day

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
    """How a server is installed, started and asked.

    `pins` are the packages that uv installs; without them, the server runs in the environment of the service. In
    `command` and `variables`, `{port}` and `{other_port}` are replaced by free ports, `{saved}` by the folder to which
    the module `saved_by` saved the model, and `{configuration}` by the project's configuration with the model
    `class_path`. It starts in `folder`. `startup`, `ready` and `live` are the paths of the probes that the page
    `documented` recommends. `body` turns a loan into the body of a request; `risk` returns the label of an answer.
    """

    name: str
    command: str
    documented: str
    pins: str = ""
    folder: Path = ROOT
    variables: dict[str, str] = field(default_factory=dict)
    saved_by: str | None = None
    class_path: str = SHIPPED
    startup: str | None = None
    ready: str
    live: str
    path: str = "/prediction"
    body: Callable[[Loan], Any] = dict
    risk: Callable[[Any], str] = lambda answer: answer["credit_risk"]


def _configured(name: str, command: str, class_path: str = SHIPPED, pins: str = "") -> Server:
    return Server(
        name=name,
        command=command,
        documented="https://schmidtbri.github.io/rest-model-service/",
        pins=pins,
        variables={"REST_CONFIG": "{configuration}"},
        class_path=class_path,
        startup="/api/health/startup",
        ready="/api/health/ready",
        live="/api/health",
        path=PREDICTION,
    )


_LIGHTGBM = "lightgbm==4.7.0"
_COMPOSED = "python -m credit_risk_model.service --port {port}"
_STOCK = "python -m uvicorn rest_model_service.main:app --port {port}"

OURS = _configured("this project", _COMPOSED)
CEILING = _configured("its ceiling", _COMPOSED, "benchmarks.served.models.Constant")
STOCK = _configured("this model in the stock application", _STOCK)
ARTICLE = _configured(
    "the article's way",
    _STOCK,
    "benchmarks.served.article.Article",
    f"rest-model-service[metrics]==0.6.0 uvicorn[standard]==0.54.0 pandas==2.3.3 scikit-learn==1.9.1 {_LIGHTGBM}",
)
BY_HAND = Server(
    name="FastAPI by hand",
    pins=f"fastapi==0.165.0 uvicorn[standard]==0.54.0 {_LIGHTGBM}",
    command="uvicorn benchmarks.served.by_hand:app --port {port}",
    documented="https://fastapi.tiangolo.com/advanced/events/",
    ready="/ready",
    live="/ready",
)
IN_LOOP = replace(BY_HAND, name="FastAPI by hand, in the event loop", path="/prediction_in_loop")
BENTOML = Server(
    name="BentoML",
    pins=f"bentoml==1.4.39 {_LIGHTGBM}",
    command="bentoml serve benchmarks.served.with_bentoml:CreditRisk --host 127.0.0.1 --port {port}",
    variables={"BENTOML_DO_NOT_TRACK": "True"},
    documented="https://docs.bentoml.com/en/latest/build-with-bentoml/lifecycle-hooks.html",
    ready="/readyz",
    live="/livez",
)
LITSERVE = Server(
    name="LitServe",
    pins=f"litserve==0.2.19 {_LIGHTGBM}",
    command="python -m benchmarks.served.with_litserve {port}",
    documented="https://lightning.ai/docs/litserve/features/health-check",
    ready="/health",
    live="/health",
)
MLSERVER = Server(
    name="MLServer",
    # With a later uvloop, its worker process finds no event loop.
    pins=f"mlserver==1.7.1 mlserver-lightgbm==1.7.1 uvloop==0.21.0 {_LIGHTGBM}",
    command="mlserver start {saved}",
    variables={
        "MLSERVER_HTTP_PORT": "{port}",
        "MLSERVER_GRPC_PORT": "{other_port}",
        "MLSERVER_METRICS_PORT": "0",
        "MLSERVER_METRICS_DIR": "{saved}/metrics",  # by default, it is in the folder where the server starts
        "MLSERVER_PARALLEL_WORKERS": "1",  # its default
    },
    saved_by="benchmarks.served.with_mlserver",
    documented="https://docs.seldon.ai/seldon-core-1/reference/prediction-apis/v2-protocol/rest/health",
    ready="/v2/health/ready",
    live="/v2/health/live",
    path="/v2/models/credit_risk/infer",
    body=lambda loan: {"inputs": [{"name": "loan", "shape": [1, 16], "datatype": "FP64", "data": _row(loan)}]},
    risk=lambda answer: _label(answer["outputs"][0]["data"][0]),
)
MLSERVER_ALONE = replace(
    MLSERVER,
    name="MLServer without its worker process",
    variables=MLSERVER.variables | {"MLSERVER_PARALLEL_WORKERS": "0"},
)
MLFLOW = Server(
    name="MLflow",
    pins=f"mlflow==3.17.2 {_LIGHTGBM}",
    command="mlflow models serve -m {saved} --host 127.0.0.1 --port {port} --env-manager local --workers 1",
    saved_by="benchmarks.served.with_mlflow",
    documented="https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/",
    ready="/health",
    live="/ping",
    path="/invocations",
    body=lambda loan: {"inputs": [_row(loan)]},
    risk=lambda answer: _label(answer["predictions"][0]),
)
RAY = Server(
    name="Ray Serve",
    pins=f"ray[serve]==2.60.0 {_LIGHTGBM}",
    command="python -m benchmarks.served.with_ray {port}",
    variables={"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"},
    documented="https://docs.ray.io/en/latest/cluster/kubernetes/user-guides/rayservice-no-ray-serve-replica.html",
    ready="/-/healthz",
    live="/-/healthz",
)
KSERVE = Server(
    name="KServe's Python server",
    pins=f"kserve==0.21.0 {_LIGHTGBM}",
    command="python -m benchmarks.served.with_kserve {port}",
    documented="https://kserve.github.io/website/docs/reference/oip/get-v-2-health-ready",
    ready="/v2/health/ready",
    live="/v2/health/live",
    path="/v1/models/credit_risk:predict",
    body=lambda loan: {"instances": [loan]},
    risk=lambda answer: answer["predictions"][0],
)
SERVERS = (OURS, CEILING, STOCK, ARTICLE, BY_HAND, IN_LOOP, MLSERVER, MLSERVER_ALONE, BENTOML, LITSERVE, MLFLOW, RAY)
