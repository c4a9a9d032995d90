"""Trains a classifier on the irises of scikit-learn, and writes it to iris.joblib."""

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

irises = load_iris()
species = irises.target_names[irises.target]
joblib.dump(LogisticRegression(max_iter=1_000).fit(irises.data, species), "iris.joblib")
