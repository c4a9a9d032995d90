"""Predict the risk of a Lending Club loan from its terms, its borrower and its payments so far."""

__version__ = "0.1.0"
