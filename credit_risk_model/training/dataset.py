"""Reads the columns of the lender's file that the training needs, and checks their values."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from credit_risk_model import lending_club, months
from credit_risk_model.features import FEATURES
from credit_risk_model.loan_files import values
from credit_risk_model.loan_files.chunk import LoanFileError
from credit_risk_model.loan_files.kinds import KINDS
from credit_risk_model.loan_files.loans import open_loans, paths
from credit_risk_model.loan_files.survey import NOTHING, Meaning, Stated, survey

NUMBERS = [feature.column for feature in FEATURES if not feature.categories] + [*lending_club.NUMBERS]
TEXTS = [feature.column for feature in FEATURES if feature.categories] + [lending_club.STATUS, *lending_club.MONTHS]

_CHUNK = 25_000


class DatasetError(Exception):
    """The file of loans cannot be used. The message names the file, the column, the row and the value."""


def read(path: Path, *, progress: bool = True, stated: Stated = NOTHING) -> pd.DataFrame:
    """Read the columns of the inputs, the status, and those that `lending_club` names; no others.

    `path` names a file, a folder or a pattern, in a format that scoring reads. Numbers become float64, texts become
    categorical columns; both may contain nulls. The formats that were recognised are printed with the progress.

    Raises:
        DatasetError: the file is missing, empty or damaged, lacks a column, or has text where a number belongs.
    """
    try:
        return _read(path, progress, stated)
    except FileNotFoundError as error:
        raise DatasetError(
            f"No file {str(path)!r}. Give the path of a file of {lending_club.LENDER}'s loans."
        ) from error
    except LoanFileError as error:
        raise DatasetError(str(error)) from error
    except OSError as error:
        raise DatasetError(f"Cannot read {str(path)!r}: {error.strerror or error}.") from error


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of the file in hexadecimal, as `sha256sum` prints it.

    For a folder or a pattern, it is that of the contents of all files, one after the other.

    Raises:
        DatasetError: a file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for each in [path] if (files := paths(path)) is None else files:
            with each.open("rb") as file:
                hashlib.file_digest(file, lambda: digest)
        return digest.hexdigest()
    except OSError as error:
        raise DatasetError(f"Cannot read {str(path)!r}: {error.strerror or error}.") from error


def _read(path: Path, progress: bool, stated: Stated) -> pd.DataFrame:
    loans = open_loans(path, [NUMBERS + TEXTS], _CHUNK, encoding=stated.encoding)
    meaning = survey(loans, stated)
    forms: Counter[str] = Counter()
    chunks: list[pd.DataFrame] = []
    first = 1
    bar = tqdm(total=loans.total, desc=f"reading {path.name}", unit=loans.unit, unit_scale=True, disable=not progress)
    with bar:
        for chunk in loans.chunks():
            rows = loans.read(chunk)
            if rows.damaged:
                line, reason = rows.damaged[0]
                raise DatasetError(f"{str(path)!r} has a damaged row at line {line}: {reason}.")
            columns = {name: _column(path, name, rows.values.column(name), meaning, first) for name in NUMBERS + TEXTS}
            for name, (_, used) in columns.items():
                forms.update(values.named(name, used))
            chunks.append(pd.DataFrame({name: column for name, (column, _) in columns.items()}))
            first += rows.values.num_rows
            bar.update(chunk.size)
    if progress:
        print("".join(f"  read: {form}\n" for form in [*loans.forms, *meaning.forms]), end="")
        print("".join(f"  read: {form} in {count:,} rows\n" for form, count in forms.items()), end="")
    if first == 1:
        raise DatasetError(f"{str(path)!r} has a header, but no loans.")
    return pd.DataFrame({column: _joined([chunk.pop(column) for chunk in chunks]) for column in NUMBERS + TEXTS})


def _column(path: Path, name: str, column: pa.Array, meaning: Meaning, first: int) -> tuple[pd.Series, values.Forms]:
    kind = KINDS[name]
    if kind.holds == "number":
        return _numbers(path, name, column, meaning, first)
    forms: values.Forms = Counter()
    if kind.holds == "category":
        column, forms = values.categories(column, kind)
    elif kind.holds == "month":
        numbers, forms = values.month_numbers(column)
        unknown = numbers.is_null().to_numpy(zero_copy_only=False)
        _refuse(path, name, column, unknown, first, "a month such as 'Dec-2015', from Feb-1970 until today")
        column = pa.array([None if number is None else months.text(number) for number in numbers.to_pylist()])
    return column.cast(pa.string()).to_pandas().astype("object").astype("category"), forms


def _numbers(path: Path, name: str, column: pa.Array, meaning: Meaning, first: int) -> tuple[pd.Series, values.Forms]:
    parsed, forms = meaning.numbers(name, column)
    numbers = pd.Series(parsed.to_numpy(zero_copy_only=False), dtype="float64")
    _refuse(path, name, column, ~np.isfinite(numbers.to_numpy()), first, "a number")
    return numbers, forms


def _refuse(path: Path, name: str, column: pa.Array, wrong: NDArray[np.bool_], first: int, expected: str) -> None:
    """Raise the error of the first value that is `wrong` and not missing."""
    for row in np.flatnonzero(wrong & column.is_valid().to_numpy(zero_copy_only=False)):
        text = str(column[int(row)].as_py())
        if not values.is_missing(text):
            raise DatasetError(
                f"{str(path)!r} has {text[:60]!r} in the column {name} of loan {first + int(row)} (the first after the "
                f"header is 1), expected {expected}."
            )


def _joined(chunks: list[pd.Series]) -> pd.Series:
    categorical = chunks[0].dtype == "category"
    joined: pd.Series = (
        pd.Series(pd.api.types.union_categoricals(chunks)) if categorical else pd.concat(chunks, ignore_index=True)
    )
    return joined
