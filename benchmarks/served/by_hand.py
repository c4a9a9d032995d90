"""Plain FastAPI, as its documentation shows: the lifespan loads the model, and a plain function uses the CPU."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from benchmarks.served.risk import CreditRiskModelInput, CreditRiskModelOutput, RiskModel

models: dict[str, RiskModel] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model before the first request."""
    models["risk"] = RiskModel()
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/ready")
async def ready() -> None:
    """Answer 200, which is possible only after the model is loaded."""


@app.post("/prediction")
def predict(loan: CreditRiskModelInput) -> CreditRiskModelOutput:
    """Return the risk of one loan."""
    return models["risk"].predict(loan)


@app.post("/prediction_in_loop")
async def predict_in_loop(loan: CreditRiskModelInput) -> CreditRiskModelOutput:
    """Return the risk of one loan; all other requests wait until then."""
    return models["risk"].predict(loan)
