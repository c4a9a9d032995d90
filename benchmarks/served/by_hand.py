"""Plain FastAPI, as its documentation shows it for work that keeps the processor busy: a plain function."""

from fastapi import FastAPI

from benchmarks.served.risk import CreditRiskModelInput, CreditRiskModelOutput, RiskModel

app = FastAPI()
model = RiskModel()


@app.get("/ready")
async def ready() -> None:
    """Answer once the model is loaded."""


@app.post("/prediction")
def predict(loan: CreditRiskModelInput) -> CreditRiskModelOutput:
    """Return the risk of one loan."""
    return model.predict(loan)


@app.post("/prediction_in_loop")
async def predict_in_loop(loan: CreditRiskModelInput) -> CreditRiskModelOutput:
    """Return the risk of one loan, and keep everything else waiting meanwhile."""
    return model.predict(loan)
