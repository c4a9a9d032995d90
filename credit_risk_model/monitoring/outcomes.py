"""Reads what became of the loans: a file with the id of each, and its status or its class."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from credit_risk_model.categories import CreditRisk
from credit_risk_model.lending_club import RISK_OF_STATUS
from credit_risk_model.loan_files.chunk import LoanFileError, Rows
from credit_risk_model.loan_files.loans import open_loans
from credit_risk_model.monitoring.prediction_log import Prediction
from credit_risk_model.monitoring.skipped import Skipped
from credit_risk_model.training.preparation import plain_statuses

STATUS = "loan_status"
REQUEST, INDEX = "request_id", "index"
_RISKS = {**RISK_OF_STATUS, **{risk.value: risk for risk in CreditRisk}}
_CHUNK = 100_000


class Outcomes:
    """The class of each loan as it is known now, by the id of its request and its position in a batch.

    A client that sends the id of a loan as the id of the request needs no other id.
    """

    def __init__(self, path: Path, identity: str | None = None, column: str = STATUS) -> None:
        """Read a file in one of the forms that scoring takes.

        `identity` is the column with the ids; the default is `request_id`, `id` or `loan_id`. `column` has Lending
        Club's statuses, or `safe` and `risky`.

        Raises:
            LoanFileError: the file cannot be read, or lacks a column.
            OSError: it cannot be read.
        """
        self.rows = 0
        self.skipped = Skipped()
        self._risks: dict[tuple[str, int | None], CreditRisk | None] = {}
        self._used: set[tuple[str, int | None]] = set()
        namings = [[column, *more] for more in ([REQUEST, INDEX], [REQUEST], []) if identity is None or not more]
        loans = open_loans(path, namings, _CHUNK, identity)
        names = loans.columns.names
        self._id = REQUEST if REQUEST in names else loans.columns.id
        if self._id is None:
            raise LoanFileError(f"{str(path)!r} has no column {REQUEST}, id or loan_id. Name the column with --id.")
        for chunk in loans.chunks():
            self._add(loans.read(chunk), self._id, column)

    def _add(self, rows: Rows, id_column: str, column: str) -> None:
        for line, reason in rows.damaged:
            self.skipped.add(reason, f"line {line}")
        table = rows.values
        statuses = table.column(column).cast(pa.string()).to_pandas()
        risks = plain_statuses(statuses).astype("object").map(_RISKS)
        ids = table.column(id_column).cast(pa.string()).to_pylist()
        has_index = INDEX in table.schema.names
        indices = pd.to_numeric(table.column(INDEX).to_pandas(), errors="coerce") if has_index else [None] * len(ids)
        self.rows += len(ids) + len(rows.damaged)
        for line, id_, index, status, risk in zip(rows.lines.to_pylist(), ids, indices, statuses, risks, strict=True):
            place = f"line {line}"
            if not id_:
                self.skipped.add(f"{id_column} is missing", place)
            elif not isinstance(risk, CreditRisk):
                self.skipped.add(f"{column} is {'unknown: ' + status if status else 'missing'}", place)
            else:
                key = (id_, None if pd.isna(index) else int(index))
                if self._risks.setdefault(key, risk) != risk:
                    self._risks[key] = None
                    self.skipped.add("another row has a different outcome; neither is used", place)

    def of(self, prediction: Prediction) -> CreditRisk | None:
        """Return what became of the loan, or None where the file does not say."""
        for index in (prediction.index, prediction.index or 0):  # a batch of one loan has no index in the log
            key = (prediction.request_id, index)
            if (risk := self._risks.get(key)) is not None:
                self._used.add(key)
                return risk
        return None

    @property
    def unused(self) -> int:
        """The number of loans that no prediction has asked for."""
        return sum(risk is not None for risk in self._risks.values()) - len(self._used)

    @property
    def example(self) -> str:
        """The first of the ids, for a message."""
        return next((id_ for id_, _ in self._risks), "")
