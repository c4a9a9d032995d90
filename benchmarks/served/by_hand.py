"""Plain FastAPI, as its documentation recommends for work that uses the CPU: a plain function."""

from fastapi import FastAPI

from benchmarks.served.risk import CreditRiskModelInput, CreditRiskModelOutput, RiskModel

app = FastAPI()
model = RiskModel()


@app.get("/ready")
async def ready() -> None:
    """Answer 200, which is possible only after the model is loaded."""


@app.post("/prediction")
def predict(loan: CreditRiskModelInput) -> CreditRiskModelOutput:
    """Return the risk of one loan."""
    return model.predict(loan)


@app.post("/prediction_in_loop")
async def predict_in_loop(loan: CreditRiskModelInput) -> CreditRiskModelOutput:
    """Return the risk of one loan; all other requests wait until then."""
    return model.predict(loan)
