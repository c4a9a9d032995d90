"""MLflow's server: a Python model, which this module saves as code."""

import sys
from typing import Any

import mlflow
import numpy as np
from mlflow.pyfunc.model import PythonModel

from benchmarks.served import faults
from credit_risk_model import artifact, features


class Risk(PythonModel):  # type: ignore[misc]  # not installed where types are checked
    """The shipped booster."""

    def load_context(self, context: Any) -> None:
        """Load the model."""
        faults.loading()
        self._booster = artifact.read(artifact.PACKAGED, features=features.LOAN.specification()).booster

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Return the probabilities of encoded loans."""
        faults.predicting()
        return self._booster.predict(np.asarray(model_input, dtype=float), num_threads=1)


if __name__ == "__main__":
    mlflow.pyfunc.save_model(sys.argv[1], python_model=__file__, pip_requirements=[])
else:
    mlflow.models.set_model(Risk())
