"""The facts about Lending Club's book of loans that are being paid: payments, ages and statuses, as published."""

from credit_risk_model.feature_set import Feature

# Columns of the file from which the earlier states of a loan are computed.
ISSUED = "issue_d"
INSTALLMENT = "installment"
PAID = "total_pymnt"
RECOVERIES = "recoveries"
LAST_PAID = "last_pymnt_d"

MONTHS_SINCE_ISSUE = Feature(
    field="months_since_issue",
    name="MonthsSinceIssue",
    column=ISSUED,
    type=int,
    minimum=0,
    maximum=120,
    description="Whole months from the month of issue to the month for which the payments are given.",
    example=33,
    changing=True,
    fine=True,
)
PAYMENTS = ("LastPaymentAmount", "TotalPaymentsToDate")

CURRENT = "Current"
FINISHED = ("Fully Paid", "Charged Off")
LATE = ("Late (16-30 days)", "Late (31-120 days)", "Default")
OUTSIDE_POLICY = "Does not meet the credit policy. Status:"  # a prefix of a status

# The full file of 887,379 loans, as published: loans by year of issue, and by status in January 2016.
BOOK_MONTH = 2016 * 12
BOOK_YEARS = {
    2007: 603, 2008: 2_393, 2009: 5_281, 2010: 12_537, 2011: 21_721, 2012: 53_367, 2013: 134_755, 2014: 235_628,
    2015: 421_094,
}  # fmt: skip
BOOK_STATUSES = {
    "Current": 601_779,
    "Fully Paid": 207_723 + 1_988,  # with those outside of the credit policy
    "Charged Off": 45_248 + 761,
    "Late (31-120 days)": 11_591,
    "Issued": 8_460,
    "In Grace Period": 6_253,
    "Late (16-30 days)": 2_357,
    "Default": 1_219,
}

# Loans of these years are nearly missing from the extracts. Loans issued in the given years represent them.
REPRESENTED_BY = {2012: (2010, 2013), 2013: (2010, 2013), 2014: (2014, 2015), 2015: (2014, 2015)}
FIRST_LATER_YEAR = 2012  # the comparison trains models on loans issued before, and measures them on loans issued later


def troubled_share() -> float:
    """Return the share of loans that are late or in grace among the published loans that are being paid."""
    troubled = sum(count for status, count in BOOK_STATUSES.items() if status.startswith(("In Grace", "Late")))
    return troubled / (troubled + BOOK_STATUSES[CURRENT])
