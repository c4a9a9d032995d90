"""Lending Club's loans as they stand in the public file, checked column by column."""

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from tqdm import tqdm

from credit_risk_model.features import FEATURES

STATUS = "loan_status"
INSTALLMENT = "installment"
ISSUED = "issue_d"
PAID = "total_pymnt"
RECOVERIES = "recoveries"
LAST_PAID = "last_pymnt_d"
HISTORY = (
    ISSUED,
    PAID,
    RECOVERIES,
    LAST_PAID,
)  # what an earlier state follows from; no model sees it, and null is fine
NUMBERS = [feature.column for feature in FEATURES if not feature.categories] + [INSTALLMENT, PAID, RECOVERIES]
TEXTS = [feature.column for feature in FEATURES if feature.categories] + [STATUS, ISSUED, LAST_PAID]

_CHUNK = 25_000

Compression = Literal["gzip"] | None


class DatasetError(Exception):
    """A file of loans that cannot be used: which file, which column and row, what was found there."""


def read(path: Path, *, progress: bool = True) -> pd.DataFrame:
    """Read the 18 columns that the model is made from, and the history of payments; the others never reach memory.

    `path` names a CSV file, plain or compressed with gzip (told by its content). Numbers come as float64, texts as
    categorical columns; both may hold nulls.

    Raises:
        DatasetError: the file is missing, empty or damaged, lacks a column, or has text where a number belongs.
    """
    try:
        return _read(path, progress)
    except FileNotFoundError as error:
        raise DatasetError(f"No file {str(path)!r}: give the path of Lending Club's loan.csv.") from error
    except pd.errors.EmptyDataError as error:
        raise DatasetError(f"{str(path)!r} is empty, expected a header and loans.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{str(path)!r} is a damaged gzip file: {error}. Download it again.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{str(path)!r} is no UTF-8 text, expected a CSV file, plain or gzip: {error}.") from error
    except pd.errors.ParserError as error:
        raise DatasetError(f"{str(path)!r} is no intact CSV file: {error}.") from error
    except OSError as error:
        raise DatasetError(f"Cannot read {str(path)!r}: {error.strerror or error}.") from error


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of the file as it lies there, in hexadecimal; `sha256sum` prints the same.

    Raises:
        DatasetError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"Cannot read {str(path)!r}: {error.strerror or error}.") from error


def _read(path: Path, progress: bool) -> pd.DataFrame:
    chunks: list[pd.DataFrame] = []
    with path.open("rb") as file:
        compression: Compression = "gzip" if file.read(2) == b"\x1f\x8b" else None
        _check_header(path, compression)
        file.seek(0)
        bar = tqdm(
            total=path.stat().st_size, desc=f"reading {path.name}", unit="B", unit_scale=True, disable=not progress
        )
        # All as text: read as numbers, a column of "True" would become one of 1.0, and a wrong value have no row. In
        # chunks, so that the text of only one is in memory.
        reader = pd.read_csv(
            file, compression=compression, usecols=NUMBERS + TEXTS, dtype="str", index_col=False, chunksize=_CHUNK
        )
        with bar, reader:
            for chunk in reader:
                for column in NUMBERS:
                    chunk[column] = _numbers(path, column, chunk[column])
                chunks.append(chunk.astype(dict.fromkeys(TEXTS, "category")))
                bar.update(file.tell() - bar.n)
    if not chunks or chunks[0].empty:
        raise DatasetError(f"{str(path)!r} has a header and no loans.")
    return pd.DataFrame({column: _joined([chunk.pop(column) for chunk in chunks]) for column in NUMBERS + TEXTS})


def _check_header(path: Path, compression: Compression) -> None:
    found = list(pd.read_csv(path, compression=compression, nrows=0).columns)
    missing = [column for column in NUMBERS + TEXTS if column not in found]
    if missing:
        raise DatasetError(
            f"{str(path)!r} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. Told apart by "
            f"commas, it has these columns: {len(found)}, the first is {found[0][:60]!r}."
        )


def _numbers(path: Path, column: str, texts: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(texts, errors="coerce").astype("float64")
    wrong = (numbers.isna() & texts.notna()) | np.isinf(numbers)
    if wrong.any():
        row = int(wrong.idxmax())
        raise DatasetError(
            f"{str(path)!r} has {texts.loc[row][:60]!r} in the column {column} of loan {row + 1} (the first after the "
            "header is 1), expected a number."
        )
    return numbers


def _joined(parts: list[pd.Series]) -> pd.Series:
    categorical = parts[0].dtype == "category"
    joined: pd.Series = (
        pd.Series(pd.api.types.union_categoricals(parts)) if categorical else pd.concat(parts, ignore_index=True)
    )
    return joined
