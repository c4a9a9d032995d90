"""Defines an input of a model, and encodes the inputs of a loan as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """One input of the model.

    `field` is its name in a request, `name` in the model, `column` in files of loans. `type` is `int`, `float`, or the
    enum of its categories; numbers lie between `minimum` and `maximum`, both included. A `changing` input changes while
    a loan is being paid. In training, a `fine` input has `max_bin` bins, but at most `most_bins`, and the others have
    `borrower_bins`.
    """

    field: str
    name: str
    column: str
    type: type[int] | type[float] | type[StrEnum]
    minimum: float | None = None
    maximum: float | None = None
    description: str
    example: Any
    changing: bool = False
    fine: bool = False
    most_bins: int | None = None

    @property
    def label(self) -> str:
        """The name to show to people."""
        return self.field.replace("_", " ").capitalize()

    @property
    def categories(self) -> list[str] | None:
        """The categories in the order of their codes, or None for a number."""
        return [category.value for category in self.type] if issubclass(self.type, StrEnum) else None


class FeatureSet:
    """The inputs of one model, in their order. It encodes loans as rows of numbers.

    `monotone` has the inputs, by name, whose higher values never make a loan safer (1), or never riskier (-1).
    """

    def __init__(self, features: Sequence[Feature], monotone: Mapping[str, int] | None = None) -> None:
        self.features = tuple(features)
        self.fields = [feature.field for feature in features]
        self.names = [feature.name for feature in features]
        self.monotone = dict(monotone or {})
        self.example = {feature.field: feature.example for feature in features}
        """The example of the documentation: one loan in the format of a request."""
        self._codes = [
            (feature.field, {category: float(code) for code, category in enumerate(feature.categories or [])})
            for feature in features
        ]
        self._numbers = [
            (position, feature.field, feature.type is int)
            for position, feature in enumerate(features)
            if not feature.categories
        ]

    def __len__(self) -> int:
        return len(self.features)

    def at_issue(self) -> FeatureSet:
        """Return the inputs that stay the same while a loan is being paid."""
        return FeatureSet([feature for feature in self.features if not feature.changing])

    def specification(self) -> list[dict[str, Any]]:
        """Return the names and categories of the features in their order, as the metadata of an artifact has them."""
        return [{"name": feature.name, "categories": feature.categories} for feature in self.features]

    def encode_row(self, loan: Mapping[str, Any]) -> list[float]:
        """Encode one loan in the format of a request as a row of numbers.

        A category becomes its position in its enum, which is the code that LightGBM gave it in training.

        Raises:
            KeyError: a field is missing, or a category is not in its enum.
        """
        return [codes[loan[field]] if codes else loan[field] for field, codes in self._codes]

    def encode_loans(self, loans: Iterable[Mapping[str, Any]]) -> NDArray[np.float64]:
        """Encode `n` loans in the format of a request, at least one, as a matrix of shape (n, features).

        Raises:
            KeyError: a field is missing, or a category is not in its enum.
        """
        return self.encode_columns(self.columns(loans))

    def columns(self, loans: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
        """Return the values of each field of loans in the format of a request, at least one."""
        return dict(zip(self.fields, zip(*map(itemgetter(*self.fields), loans), strict=True), strict=True))

    def encode_columns(self, columns: Mapping[str, Sequence[Any]]) -> NDArray[np.float64]:
        """Encode what `columns` returns as a matrix of shape (n, features).

        Raises:
            KeyError: a category is not in its enum.
        """
        encoded = [
            [codes[category] for category in columns[field]] if codes else columns[field]
            for field, codes in self._codes
        ]
        return np.array(encoded, dtype=np.float64).T

    def numbers(self, encoded: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
        """Return the numbers of encoded loans by their fields, each of shape (n,) and of the type of the input."""
        columns = encoded.T
        return {
            field: columns[position].astype(int) if is_integer else columns[position]
            for position, field, is_integer in self._numbers
        }

    def encode_batch(self, loans: pa.RecordBatch) -> NDArray[np.float64]:
        """Encode `n` loans as a matrix of shape (n, features).

        The columns have the names of a request, and contain text or float64. A null becomes nan, and so does a category
        that is not in its enum.
        """
        matrix = np.empty((len(self), loans.num_rows)).T  # column by column, as it is filled
        for position, (field, codes) in enumerate(self._codes):
            column = loans.column(field)
            if codes:
                found = column.dictionary_encode()
                known = [codes.get(category, np.nan) for category in found.dictionary.to_pylist()]
                indices = found.indices.fill_null(-1).to_numpy(zero_copy_only=False)
                matrix[:, position] = np.array([*known, np.nan])[indices]
            else:
                matrix[:, position] = column.to_numpy(zero_copy_only=False)
        return matrix

    def encode_frame(self, loans: pd.DataFrame) -> NDArray[np.float64]:
        """Encode `n` prepared loans, with categories as categorical columns, as a matrix of shape (n, features)."""
        columns = [
            loans[feature.name].cat.codes if feature.categories else loans[feature.name] for feature in self.features
        ]
        return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
