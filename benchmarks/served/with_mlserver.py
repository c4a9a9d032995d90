"""MLServer's LightGBM runtime with the faults of the health-check test; saves the model for it."""

import json
import sys
from pathlib import Path

from mlserver.types import InferenceRequest, InferenceResponse
from mlserver_lightgbm import LightGBMModel

from benchmarks.served import faults
from credit_risk_model import artifact, features


class Risk(LightGBMModel):  # type: ignore[misc]  # not installed where types are checked
    """The runtime."""

    async def load(self) -> bool:
        """Load the model."""
        faults.loading()
        return bool(await super().load())

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return the probabilities of encoded loans."""
        faults.predicting()
        return await super().predict(payload)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    loaded = artifact.read(artifact.PACKAGED, features=features.LOAN.specification())
    loaded.booster.save_model(folder / "model.bst")
    implementation = "benchmarks.served.with_mlserver.Risk"
    settings = {"name": "credit_risk", "implementation": implementation, "parameters": {"uri": "./model.bst"}}
    (folder / "model-settings.json").write_text(json.dumps(settings))
