"""What serves: the schemas of a request and its answer, and the model behind them."""
