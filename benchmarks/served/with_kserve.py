"""KServe's Python server with a custom model."""

import sys
from typing import Any

import kserve

from benchmarks.served.risk import CreditRiskModelInput, RiskModel


class CreditRisk(kserve.Model):  # type: ignore[misc]  # not installed where types are checked
    """The model."""

    def load(self) -> None:
        """Load the model."""
        self._model = RiskModel()
        self.ready = True

    def predict(self, payload: dict[str, Any], headers: Any = None, response_headers: Any = None) -> dict[str, Any]:
        """Return the risk of each loan."""
        loans = [CreditRiskModelInput.model_validate(loan) for loan in payload["instances"]]
        return {"predictions": [self._model.predict(loan).credit_risk.value for loan in loans]}


if __name__ == "__main__":
    model = CreditRisk("credit_risk")
    model.load()
    kserve.ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([model])
