"""Saves the model for MLServer's LightGBM runtime."""

import json
import sys
from pathlib import Path

from credit_risk_model import artifact, features

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    loaded = artifact.read(artifact.PACKAGED, features=features.LOAN.specification())
    loaded.booster.save_model(folder / "model.bst")
    implementation = "mlserver_lightgbm.LightGBMModel"
    settings = {"name": "credit_risk", "implementation": implementation, "parameters": {"uri": "./model.bst"}}
    (folder / "model-settings.json").write_text(json.dumps(settings))
