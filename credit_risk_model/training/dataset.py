"""Lending Club's loans as they stand in the public file, checked column by column."""

import gzip
import hashlib
import zlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from pandas.io.parsers import TextFileReader
from tqdm import tqdm

from credit_risk_model.features import FEATURES

STATUS = "loan_status"
INSTALLMENT = "installment"
NUMBERS = [feature.column for feature in FEATURES if not feature.categories] + [INSTALLMENT]
TEXTS = [feature.column for feature in FEATURES if feature.categories] + [STATUS]

_DTYPES: dict[Hashable, Any] = {**dict.fromkeys(NUMBERS, "float64"), **dict.fromkeys(TEXTS, "category")}
_CHUNK = 25_000


class DatasetError(Exception):
    """A file of loans that cannot be used: which file, which column and row, what was found there."""


def read(path: Path, *, progress: bool = True) -> pd.DataFrame:
    """Read the 18 columns that the model is made from; the other columns never reach memory.

    `path` names a CSV file, plain or compressed with gzip (told by its content). Numbers come as float64, texts as
    categorical columns; both may hold nulls.

    Raises:
        DatasetError: the file is missing, empty or damaged, lacks a column, or has text where a number belongs.
    """
    try:
        with (
            path.open("rb") as file,
            tqdm(
                total=path.stat().st_size, desc=f"reading {path.name}", unit="B", unit_scale=True, disable=not progress
            ) as bar,
            _read_csv(file, usecols=NUMBERS + TEXTS, dtype=_DTYPES) as reader,
        ):
            chunks = []
            for chunk in reader:
                chunks.append(chunk)
                bar.update(file.tell() - bar.n)
            loans = _concatenated(chunks)
    except FileNotFoundError as error:
        raise DatasetError(f"No file {str(path)!r}.") from error
    except pd.errors.EmptyDataError as error:
        raise DatasetError(f"{str(path)!r} is empty, expected a header and loans.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{str(path)!r} is a damaged gzip file: {error}. Download it again.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{str(path)!r} is no UTF-8 text, expected a CSV file, plain or gzip: {error}.") from error
    except pd.errors.ParserError as error:
        raise DatasetError(f"{str(path)!r} is no intact CSV file: {error}.") from error
    except OSError as error:
        raise DatasetError(f"Cannot read {str(path)!r}: {error.strerror}.") from error
    except ValueError as error:
        _report_missing_columns(path)
        _report_texts_among_numbers(path)
        raise DatasetError(f"Cannot read {str(path)!r}: {error}.") from error
    if loans.empty:
        raise DatasetError(f"{str(path)!r} has a header and no loans.")
    infinite = np.isinf(loans[NUMBERS].to_numpy())
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise DatasetError(_misplaced(path, NUMBERS[column], int(row), str(loans[NUMBERS[column]].iloc[row])))
    return loans


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of the file as it lies there, in hexadecimal; `sha256sum` prints the same."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_csv(file: BinaryIO, **options: Any) -> TextFileReader:
    # In chunks, so that the texts of one chunk at a time are in memory before they become codes.
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return pd.read_csv(file, compression="gzip" if compressed else None, chunksize=_CHUNK, **options)


def _concatenated(chunks: list[pd.DataFrame]) -> pd.DataFrame:
    columns = {}
    for column in chunks[0].columns:
        parts = [chunk.pop(column) for chunk in chunks]
        columns[column] = (
            pd.Series(pd.api.types.union_categoricals(parts))
            if column in TEXTS
            else pd.concat(parts, ignore_index=True)
        )
    return pd.DataFrame(columns)


def _report_missing_columns(path: Path) -> None:
    with path.open("rb") as file, _read_csv(file, nrows=1) as reader:
        found = next(iter(reader)).columns
    missing = [column for column in NUMBERS + TEXTS if column not in found]
    if missing:
        raise DatasetError(
            f"{str(path)!r} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"it has {len(found)} columns, the first is {found[0]!r}."
        )


def _report_texts_among_numbers(path: Path) -> None:
    # The reader of the numbers does not say where it stopped, so the columns are read once more, as text.
    with path.open("rb") as file, _read_csv(file, usecols=NUMBERS, dtype="str") as reader:
        for chunk in reader:
            for column in NUMBERS:
                wrong = pd.to_numeric(chunk[column], errors="coerce").isna() & chunk[column].notna()
                if wrong.any():
                    row = int(wrong.idxmax())
                    raise DatasetError(_misplaced(path, column, row, chunk[column].loc[row]))


def _misplaced(path: Path, column: str, row: int, value: str) -> str:
    return (
        f"{str(path)!r} has {value!r} in the column {column} of loan {row + 1} (the first after the header is 1), "
        "expected a number."
    )
