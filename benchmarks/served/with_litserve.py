"""LitServe's server: one process for HTTP, one for the model."""

import sys

import litserve

from benchmarks.served.risk import CreditRiskModelInput, CreditRiskModelOutput, RiskModel


class CreditRisk(litserve.LitAPI):  # type: ignore[misc]  # not installed where types are checked
    """The API."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self._model = RiskModel()

    def decode_request(self, request: CreditRiskModelInput) -> CreditRiskModelInput:
        """Return the loan."""
        return request

    def predict(self, loan: CreditRiskModelInput) -> CreditRiskModelOutput:
        """Return the risk of one loan."""
        return self._model.predict(loan)

    def encode_response(self, risk: CreditRiskModelOutput) -> CreditRiskModelOutput:
        """Return the answer."""
        return risk


if __name__ == "__main__":
    server = litserve.LitServer(CreditRisk(api_path="/prediction"), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False)
