"""What the stock framework lacks around its application; it serves any `ml_base.MLModel` and knows none."""
