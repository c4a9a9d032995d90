"""A look at a file before it is scored: what each column is taken for, and which rows would be rejected."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from credit_risk_model.loan_files.opening import Loans
from credit_risk_model.scoring.counts import Counts
from credit_risk_model.scoring.rows import Inputs, encode, is_month_of_issue


@dataclass(frozen=True)
class Column:
    """A column of the file, the input that it is taken for, and the values of the rows that can be scored."""

    name: str
    source: str
    meaning: str
    lowest: float
    highest: float


def check(
    loans: Loans, inputs: Inputs, rows: int | None, progress: Callable[[float], object]
) -> tuple[Counts, list[Column]]:
    """Read the file, or its first chunks until they have `rows` rows; return the counts, and what the columns are.

    Raises:
        LoanFileError: the file is damaged.
    """
    counts: list[Counts] = []
    lowest = np.full(len(inputs.columns), np.inf)
    highest = -lowest
    for chunk in loans.chunks():
        read = loans.read(chunk)
        encoded = encode(read, inputs)
        counts.append(Counts.of(encoded, read))
        if len(encoded.matrix):
            lowest = np.minimum(lowest, encoded.matrix.min(axis=0))
            highest = np.maximum(highest, encoded.matrix.max(axis=0))
        progress(chunk.size)
        if rows is not None and sum(each.rows for each in counts) >= rows:
            break
    sources = dict(zip(loans.columns.names, loans.columns.sources, strict=True))
    columns = [
        Column(name, sources[name], _meaning(name, position, inputs), lowest[position], highest[position])
        for position, name in enumerate(inputs.columns)
    ]
    return Counts.sum(counts), columns


def _meaning(name: str, position: int, inputs: Inputs) -> str:
    feature = inputs.features.features[position]
    if feature.categories:
        return f"one of {len(feature.categories)} categories"
    if is_month_of_issue(name, feature):
        return "month of issue"
    extra = ["fraction"] if name in inputs.meaning.fractions else []
    extra += ["decimal comma"] if name in inputs.meaning.decimal_comma else []
    return ", ".join(["number", *extra])


def report(counts: Counts, columns: list[Column], forms: list[str]) -> str:
    """Return what the check found, in lines for people."""
    lines = [f"{'column':<28}{'taken for':<30}values"]
    for column in columns:
        is_known = column.lowest <= column.highest and not column.meaning.startswith("one of")
        values = f"{column.lowest:,.10g} to {column.highest:,.10g}" if is_known else ""
        lines.append(f"{column.source.strip():<28}{column.meaning:<30}{values}".rstrip())
    lines += [f"read: {line}" for line in read_as(counts, forms)]
    lines += [f"rejects: {line}" for line in rejects(counts)]
    lines.append(
        f"{counts.rows:,} rows = {counts.scored:,} that can be scored + {counts.rejected:,} that would be rejected"
    )
    return "\n".join(lines)


def read_as(counts: Counts, forms: list[str]) -> list[str]:
    """Return the forms in which the file is written, and those of its values with their rows."""
    of_values = [f"{form} in {rows:,} rows" for form, rows in counts.forms.items()]
    of_file = [form for form in forms if form not in counts.forms]
    notes = [f"{counts.notes:,} lines that are not loans, such as a footer, were skipped"] if counts.notes else []
    return of_file + of_values + notes


def rejects(counts: Counts) -> list[str]:
    """Return the reasons of the rejects, the most frequent first, with one example each."""
    lines = []
    for entry in counts.by_reason:
        example, reason = entry["example"], entry["reason"]
        value = "" if example["reason"] == reason else f": {example['reason'].partition(', expected')[0]}"
        rows = f"{entry['rows']:,} row{'s' if entry['rows'] > 1 else ''}"
        lines.append(f"{rows}: {reason}. For example line {example['line']}{value}")
    return lines
