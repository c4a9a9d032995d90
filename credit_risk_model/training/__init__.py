"""How the shipped model is made: data, preparation, estimator, evaluation."""

# Before any module of the training imports LightGBM: a missing system library is named.
import credit_risk_model.artifact.library  # noqa: F401
