"""A model that loads when a file appears, so that the notebook can show each state of the service."""

import time
from pathlib import Path

from ml_base import MLModel
from pydantic import BaseModel


class Number(BaseModel):
    """Input and output of the model."""

    number: float


class SlowModel(MLModel):  # type: ignore[misc]  # ml_base ships no types
    """Doubles a number."""

    display_name = "Slow Model"
    qualified_name = "slow_model"
    description = "Doubles a number."
    version = "1.0.0"
    input_schema = Number
    output_schema = Number

    def __init__(self, gate: str) -> None:
        """Wait until the file `gate` exists.

        Raises:
            RuntimeError: the file contains an error message.
        """
        while not Path(gate).exists():
            time.sleep(0.01)
        if message := Path(gate).read_text():
            raise RuntimeError(message)

    def predict(self, data: Number) -> Number:
        """Return the doubled number."""
        return Number(number=2 * data.number)
