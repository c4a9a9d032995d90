"""Ray Serve: a proxy, a controller and one replica."""

import signal
import sys

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.served.risk import CreditRiskModelInput, RiskModel


@serve.deployment(num_replicas=1, max_ongoing_requests=256)
class CreditRisk:
    """The deployment."""

    def __init__(self) -> None:
        self._model = RiskModel()

    async def __call__(self, request: Request) -> Response:
        """Return the risk of one loan."""
        answer = self._model.predict(CreditRiskModelInput.model_validate_json(await request.body()))
        return Response(answer.model_dump_json(), media_type="application/json")


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(CreditRisk.bind(), route_prefix="/prediction")  # type: ignore[attr-defined]  # the decorator adds it
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    serve.shutdown()
    ray.shutdown()
