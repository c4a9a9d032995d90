"""Serves the classifier that train.py wrote."""

import joblib
from ml_base import MLModel
from pydantic import BaseModel, Field


class Iris(BaseModel):
    sepal_length: float = Field(gt=0, examples=[5.1], description="In centimetres, like the other three.")
    sepal_width: float = Field(gt=0, examples=[3.5])
    petal_length: float = Field(gt=0, examples=[1.4])
    petal_width: float = Field(gt=0, examples=[0.2])


class Species(BaseModel):
    species: str
    probability: float


class IrisModel(MLModel):
    display_name = "Iris"
    qualified_name = "iris"
    description = "Predicts the species of an iris from the size of its sepals and petals."
    version = "1.0.0"
    input_schema = Iris
    output_schema = Species

    def __init__(self, path: str = "iris.joblib") -> None:
        self._classifier = joblib.load(path)

    def predict(self, data: Iris) -> Species:
        [probabilities] = self._classifier.predict_proba([list(data.model_dump().values())])
        best = probabilities.argmax()
        return Species(species=self._classifier.classes_[best], probability=round(probabilities[best], 2))
