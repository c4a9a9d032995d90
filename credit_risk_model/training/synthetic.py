"""Generates synthetic loans in the format of Lending Club's file, so that anybody can run the training.

The relations between the columns are plausible, but a model that was trained on them says nothing about real borrowers.
"""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from credit_risk_model.categories import EmploymentLength, LoanPurpose, Term, VerificationStatus

SEED = 7

Values = NDArray[Any]

COLUMNS = """
    id member_id loan_amnt funded_amnt funded_amnt_inv term int_rate installment grade sub_grade emp_title
    emp_length home_ownership annual_inc verification_status issue_d loan_status pymnt_plan url desc purpose
    title zip_code addr_state dti delinq_2yrs earliest_cr_line inq_last_6mths mths_since_last_delinq
    mths_since_last_record open_acc pub_rec revol_bal revol_util total_acc initial_list_status out_prncp
    out_prncp_inv total_pymnt total_pymnt_inv total_rec_prncp total_rec_int total_rec_late_fee recoveries
    collection_recovery_fee last_pymnt_d last_pymnt_amnt next_pymnt_d last_credit_pull_d
    collections_12_mths_ex_med mths_since_last_major_derog policy_code application_type annual_inc_joint
    dti_joint verification_status_joint acc_now_delinq tot_coll_amt tot_cur_bal open_acc_6m open_il_6m
    open_il_12m open_il_24m mths_since_rcnt_il total_bal_il il_util open_rv_12m open_rv_24m max_bal_bc all_util
    total_rev_hi_lim inq_fi total_cu_tl inq_last_12m
""".split()

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_STATES = "CA NY TX FL IL NJ PA OH GA VA NC MI".split()
# Months are counted from January 2007; the file was written in January 2016.
_SNAPSHOT = 108
_CHUNK = 100_000


def write(path: Path, rows: int, seed: int = SEED) -> None:
    """Write synthetic loans as CSV, with gzip if the name ends in `.gz`. The folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw:
        # A header without name and time, so that the same seed gives the same bytes.
        file = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if path.suffix == ".gz" else raw
        for start in range(0, rows, _CHUNK):
            chunk = loans(min(_CHUNK, rows - start), seed, start)
            file.write(chunk.to_csv(index=False, header=start == 0).encode())
        if file is not raw:
            file.close()


def loans(rows: int, seed: int = SEED, start: int = 0) -> pd.DataFrame:
    """Return synthetic loans with the columns of Lending Club's file and its formats of values.

    `start` is the number of loans that were generated before; the numbers of these loans follow theirs.
    """
    random = np.random.default_rng([seed, start])
    borrower = _borrowers(random, rows, start)
    # From 0 (best) to 1. It determines the grade.
    risk = random.beta(2, 4, rows) * 0.75 + 0.25 * np.minimum(borrower["dti"] / 40, 1)
    loan = _terms(random, rows, borrower["annual_inc"], risk)
    return pd.DataFrame(borrower | loan | _payments(random, rows, loan, risk)).reindex(columns=COLUMNS)


def _borrowers(random: Generator, rows: int, start: int) -> dict[str, Values]:
    income = np.round(random.lognormal(11.05, 0.5, rows), -2)
    income[random.random(rows) < 0.002] *= 40
    lengths = random.choice([*EmploymentLength], rows, p=[0.1, *[0.07] * 9, 0.27]).astype(object)
    lengths[random.random(rows) < 0.04] = "n/a"
    utilisation = np.round(np.minimum(100 * random.beta(2.2, 2, rows) + random.exponential(2, rows), 150), 1)
    utilisation[random.random(rows) < 0.001] = np.nan
    return {
        "id": random.permutation(rows) + 1_000_000 + start,
        "member_id": random.permutation(rows) + 2_000_000 + start,
        "emp_length": lengths,
        "home_ownership": random.choice(
            ["MORTGAGE", "RENT", "OWN", "OTHER", "NONE", "ANY"], rows, p=[0.49, 0.4, 0.107, 0.001, 0.001, 0.001]
        ),
        "annual_inc": income,
        "verification_status": random.choice([*VerificationStatus], rows, p=[0.32, 0.35, 0.33]),
        "zip_code": np.char.add(random.integers(100, 1000, rows).astype(str), "xx"),
        "addr_state": random.choice(_STATES, rows),
        "dti": np.round(np.where(random.random(rows) < 0.0005, 9_999, random.gamma(4.5, 4, rows)), 2),
        "delinq_2yrs": random.negative_binomial(0.3, 0.5, rows).astype(float),
        "earliest_cr_line": _month(random.integers(-300, -12, rows)),
        "inq_last_6mths": random.poisson(0.7, rows).astype(float),
        "open_acc": random.poisson(11, rows).astype(float),
        "pub_rec": random.negative_binomial(0.2, 0.5, rows).astype(float),
        "revol_bal": np.round(random.lognormal(9.3, 1, rows)),
        "revol_util": utilisation,
        "total_acc": random.poisson(25, rows).astype(float),
        "collections_12_mths_ex_med": random.negative_binomial(0.01, 0.4, rows).astype(float),
        "policy_code": np.ones(rows),
        "application_type": np.full(rows, "INDIVIDUAL"),
        "acc_now_delinq": random.negative_binomial(0.01, 0.6, rows).astype(float),
    }


def _terms(random: Generator, rows: int, income: Values, risk: NDArray[np.float64]) -> dict[str, Values]:
    amount = np.clip(
        np.round(np.asarray(income, dtype=float) * random.uniform(0.05, 0.45, rows) / 25) * 25, 500, 35_000
    )
    long = random.random(rows) < 0.1 + 0.3 * (amount > 15_000) + 0.2 * risk
    months = np.where(long, 60, 36)
    rate = np.round(np.clip(6 + 22 * risk + 2 * long + random.normal(0, 1, rows), 5.32, 28.99), 2)
    monthly = rate / 1_200
    grade = np.minimum((rate - 5.32) / 3.4, 6.99)
    return {
        "loan_amnt": amount,
        "funded_amnt": amount,
        "funded_amnt_inv": amount,
        "term": np.where(long, Term.SIXTY_MONTHS, Term.THIRTY_SIX_MONTHS),
        "int_rate": rate,
        # The annuity that repays the amount with interest: A r / (1 - (1 + r)^-n).
        "installment": np.round(amount * monthly / (1 - (1 + monthly) ** -months), 2),
        "grade": np.array(list("ABCDEFG"))[grade.astype(int)],
        "sub_grade": np.char.add(
            np.array(list("ABCDEFG"))[grade.astype(int)], (grade % 1 * 5 + 1).astype(int).astype(str)
        ),
        "purpose": random.choice(
            [*LoanPurpose],
            rows,
            p=[0.02, 0.2, 0.5, 0.003, 0.06, 0.01, 0.03, 0.02, 0.01, 0.09, 0.002, 0.03, 0.01, 0.015],
        ),
        "initial_list_status": random.choice(["f", "w"], rows),
        "pymnt_plan": np.full(rows, "n"),
        "issue": random.integers(0, _SNAPSHOT, rows),
    }


def _payments(random: Generator, rows: int, loan: dict[str, Values], risk: NDArray[np.float64]) -> dict[str, Values]:
    amount, installment, issue = (np.asarray(loan.pop(n) if n == "issue" else loan[n], dtype=float) for n in (
        "loan_amnt", "installment", "issue"))  # fmt: skip
    months = np.where(loan["term"] == Term.SIXTY_MONTHS, 60, 36)
    age = np.minimum(_SNAPSHOT - issue, months)
    fails = random.random(rows) < 1 / (1 + np.exp(3.6 - 6.5 * risk))
    # A borrower who fails stops paying at some point. One who does not fail may repay the rest early.
    stops = np.ceil(random.uniform(0, 1, rows) * months)
    failed = fails & (stops < age)
    early = ~failed & (random.random(rows) < 0.35)
    paid_months = np.where(failed, stops, np.where(early, np.ceil(age * random.uniform(0.3, 1, rows)), age))
    done = early | (~failed & (age >= months))
    rest = np.round(np.maximum(amount * (1 - paid_months / months), 0), 2)
    paid = np.round(paid_months * installment + np.where(early, rest, 0), 2)
    last = np.round(np.where(early, rest + installment, np.where(paid_months > 0, installment, 0)), 2)
    late = random.random(rows)
    status = np.select(
        [failed & (late < 0.05), failed & (late < 0.08), failed & (late < 0.1), failed & (late < 0.14), failed, done],
        ["Late (31-120 days)", "Late (16-30 days)", "Default", "Does not meet the credit policy. Status:Charged Off",
         "Charged Off", np.where(late < 0.02, "Does not meet the credit policy. Status:Fully Paid", "Fully Paid")],
        np.where(late < 0.01, "In Grace Period", np.where(age <= 1, "Issued", "Current")),
    )  # fmt: skip
    owed = np.where(failed | done, 0, rest)
    return {
        "issue_d": _month(issue.astype(int)),
        "loan_status": status,
        "out_prncp": owed,
        "out_prncp_inv": owed,
        "total_pymnt": paid,
        "total_pymnt_inv": paid,
        "total_rec_prncp": np.minimum(paid, amount),
        "total_rec_int": np.round(np.maximum(paid - amount, 0), 2),
        "total_rec_late_fee": np.zeros(rows),
        "recoveries": np.where(failed, np.round(rest * 0.05, 2), 0),
        "collection_recovery_fee": np.zeros(rows),
        "last_pymnt_d": _month((issue + paid_months).astype(int)),
        "last_pymnt_amnt": last,
        "last_credit_pull_d": _month(np.full(rows, _SNAPSHOT)),
    }


def _month(number: NDArray[np.int64]) -> Values:
    names = np.array(_MONTHS)[number % 12]
    return np.char.add(np.char.add(names, "-"), (2007 + number // 12).astype(str))
