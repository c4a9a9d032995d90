"""How the shipped model is made: data, preparation, estimator, evaluation."""
