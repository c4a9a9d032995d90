"""A look at a file before it is scored: what each column is taken for, and which rows would be rejected."""

from collections.abc import Callable

import numpy as np

from credit_risk_model.feature_set import Feature
from credit_risk_model.loan_files.loans import Loans
from credit_risk_model.scoring.counts import Counts
from credit_risk_model.scoring.rows import Inputs, encode


def check(
    loans: Loans, inputs: Inputs, rows: int | None, progress: Callable[[float], object]
) -> tuple[Counts, list[str]]:
    """Read the file, or its first chunks until they have `rows` rows; return the counts, and a line for each column.

    The line has what the column is taken for, and the values of the rows that can be scored.

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
        lowest = np.minimum(lowest, encoded.matrix.min(axis=0, initial=np.inf))
        highest = np.maximum(highest, encoded.matrix.max(axis=0, initial=-np.inf))
        progress(chunk.size)
        if rows is not None and sum(each.rows for each in counts) >= rows:
            break
    sources = dict(zip(loans.columns.names, loans.columns.sources, strict=True))
    lines = [f"{'column':<28}{'taken for':<30}values"]
    for name, feature, low, high in zip(inputs.columns, inputs.features.features, lowest, highest, strict=True):
        values = "" if feature.categories or low > high else f"{low:,.10g} to {high:,.10g}"
        lines.append(f"{sources[name].strip():<28}{_meaning(name, feature, inputs):<30}{values}".rstrip())
    return Counts.sum(counts), lines


def _meaning(name: str, feature: Feature, inputs: Inputs) -> str:
    if feature.categories:
        return f"one of {len(feature.categories)} categories"
    if inputs.counts_age(feature):
        return "month of issue"
    extra = ["fraction"] if name in inputs.meaning.fractions else []
    marks = inputs.meaning.marks
    extra += ["decimal comma"] if marks.shown.get(name) and marks.decimal_comma(name) else []
    return ", ".join(["number", *extra])


def report(counts: Counts, columns: list[str], forms: list[str]) -> str:
    """Return what the check found, in lines for people."""
    lines = [*columns, *(f"read: {line}" for line in read_as(counts, forms))]
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
