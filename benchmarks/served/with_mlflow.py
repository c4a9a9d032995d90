"""Saves the model for MLflow's server, in its LightGBM flavour."""

import sys

import mlflow.lightgbm

from credit_risk_model import artifact, features

if __name__ == "__main__":
    loaded = artifact.read(artifact.PACKAGED, features=features.LOAN.specification())
    mlflow.lightgbm.save_model(loaded.booster, sys.argv[1], pip_requirements=[])
