"""BentoML's server."""

from typing import Any

import bentoml

from benchmarks.served.risk import CreditRiskModelInput, CreditRiskModelOutput, RiskModel


@bentoml.service(workers=1)
class CreditRisk:
    """The service."""

    def __init__(self) -> None:
        self._model = RiskModel()

    @bentoml.api(route="/prediction", input_spec=CreditRiskModelInput)  # type: ignore[untyped-decorator]  # not installed where types are checked
    def predict(self, **loan: Any) -> CreditRiskModelOutput:
        """Return the risk of one loan."""
        return self._model.predict(CreditRiskModelInput.model_construct(**loan))
