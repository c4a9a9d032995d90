"""The population stability index (PSI): how far the values of a period are from those of a reference."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FEWEST = 1_000  # values; with fewer, noise alone often gives more than 0.1
_DECILES = np.linspace(0.1, 0.9, 9)
_LEAST = 1e-4  # share of a bin; the logarithm of an empty one would be infinite
_LAST, _OTHER, _MISSING = "+Inf", "other", "missing"

Values = pd.Series  # of numbers or of texts


def shares(values: Values) -> dict[str, float]:
    """Return the share of each bin of these values, in the form in which an artifact has those of the training.

    Numbers have at most ten bins, between their deciles. The name of a bin is its upper edge, which is included; the
    last one is `+Inf`. Texts have a bin each.
    """
    known = values.dropna()
    if pd.api.types.is_numeric_dtype(values):
        edges = np.unique(np.quantile(known, _DECILES)).tolist() if len(known) else []
        bins = dict.fromkeys([*map(repr, edges), _LAST], 0.0)
    else:
        bins = dict.fromkeys(sorted(known.astype(str).unique()), 0.0)
    return Bins(bins).by_name(values)


class Bins:
    """The bins of one input, always with `missing` and `other`, and the share of each in the reference."""

    def __init__(self, reference: Mapping[str, float]) -> None:
        named = [name for name in reference if name not in (_OTHER, _MISSING)]
        self._are_numbers = _LAST in reference
        self._names = [*(sorted(named, key=float) if self._are_numbers else named), _OTHER, _MISSING]
        self._edges = [float(name) for name in self._names[:-2]] if self._are_numbers else []
        self._expected = np.array([reference.get(name, 0.0) for name in self._names])

    def by_name(self, values: Values) -> dict[str, float]:
        """Return the share of the values in each bin, by its name."""
        return dict(zip(self._names, self._shares(values).tolist(), strict=True))

    def _shares(self, values: Values) -> NDArray[np.float64]:
        if self._are_numbers:
            bins = np.searchsorted(self._edges, pd.to_numeric(values, errors="coerce"))  # nan is after the last
        else:
            bins = pd.Index(self._names).get_indexer(pd.Index(values.astype(str)))
            bins[bins < 0] = self._names.index(_OTHER)
        bins[values.isna()] = self._names.index(_MISSING)
        return np.bincount(bins, minlength=len(self._names)) / len(values)

    def psi(self, values: Values) -> float:
        """Return the PSI of the values: the sum of `(found - expected) * ln(found / expected)` over the bins.

        Source: Siddiqi, Credit Risk Scorecards (2006). Below 0.1, the values are taken to be stable; above 0.25, they
        have shifted.
        """
        expected, found = (np.maximum(shares, _LEAST) for shares in (self._expected, self._shares(values)))
        return float(np.sum((found - expected) * np.log(found / expected)))
