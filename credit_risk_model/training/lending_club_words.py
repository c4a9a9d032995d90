"""The words about Lending Club's loans in the model cards and on the pages of the evidence.

For other loans, replace this module by one with the same public names.
"""

# On the first screen of each page.
LIMITS_OF_PAGES = (
    "Most rows of the book are computed views of real loans. The figures hold for such a book, with loans of Lending "
    "Club issued until 2015. The model must not decide on applications, and its fairness could not be examined."
)

# The rest is for the model cards. A loan is risky if it is:
RISKY = "charged off, in default or late"

DATA = """\
- Loans with a missing value and extreme loans were dropped, so the model was never trained on any.
- A loan that is being paid counts as safe, because nobody knows yet how it ends."""

_USE = """\
This model **monitors loans after they are granted. It must not decide on applications**, because two of its inputs,
`last_payment_amount` and `total_payments_to_date`, are not known then.

{purpose}

Out of scope are granting or pricing credit, loans of other lenders or other years, and any decision about a person that
no human reviews."""

_PURPOSE_WITHOUT_AGE = """\
It has the inputs of the article that this project is based on, and **does not know the age of a loan**. So it cannot
distinguish a young loan from a loan that stopped paying. If you know the month of issue, use
`credit_risk_on_book_model`, which has the age as an input."""

_PURPOSE_WITH_AGE = """\
Use it for a book in which most loans are still being paid. In addition to the inputs of `credit_risk_model`, it has the
age of the loan, `months_since_issue`. So it can distinguish a young loan from a loan that stopped paying."""

# Empty without a book.
BOOK = """\
The figures below were measured on **the book**: loans that were held out of the training, with the ages and statuses of
Lending Club's full file as published (887,379 loans issued from 2007 to 2015, recorded in January 2016; 68 % of them
are current)."""

VIEWS = """\
A view shows a loan as it was in an earlier month. A loan that is paid as agreed has paid one instalment each month. A
loan that failed did so until it stopped paying, and a loan that was repaid early did so until its last payment.
`training/views.py` has the formulas."""

_CONSTRAINTS_WITH_AGE = """\
The trees obey two constraints. If all other inputs are equal, a loan that has paid more never has a higher probability,
and a loan with a higher interest rate never has a lower one."""

_LIMITS_WITHOUT_AGE = """\
- **Do not use it to find late loans among the loans that are being paid, or to rank young loans.** For loans of the
  last two years of the book, its ranking is hardly better than chance. Most of the loans that it finds were charged off
  long ago. Use `credit_risk_on_book_model`.
{recall}
{later}
- The same inputs mean different things in an old book and in a young one. The model is made for the book above. In the
  loans as recorded, most of which ended long ago, it misses most of the risky loans."""

_LIMITS_WITH_AGE = """\
- **It finds few of the loans that are only a few weeks late.** Most of the loans that it finds are charged off.
{recall}
- It describes the present state of a loan rather than its future. A loan that was paid on time until now is `safe`,
  and some of these loans fail later.
{later}
- The age counts whole months up to the month of the payments. If the age is one month too high, a loan looks as if it
  had missed a payment."""

_LIMITS_OF_BOTH = """\
- The figures hold for books like this one. Nothing is known about loans issued after 2015, or in another economy.
- No legally protected attribute is recorded for these loans, so nobody could examine whether the model treats groups of
  people equally.
- Scores drift as the economy changes. Compare the share of `risky` answers with that of losses, and train again."""

# By the name of the model. If there is a book, `{recall}` and `{later}` in the limits become lines with figures.
USE = {
    "credit_risk_model": _USE.format(purpose=_PURPOSE_WITHOUT_AGE),
    "credit_risk_on_book_model": _USE.format(purpose=_PURPOSE_WITH_AGE),
}
CONSTRAINTS = {"credit_risk_model": "", "credit_risk_on_book_model": _CONSTRAINTS_WITH_AGE}
LIMITS = {
    "credit_risk_model": f"{_LIMITS_WITHOUT_AGE}\n{_LIMITS_OF_BOTH}",
    "credit_risk_on_book_model": f"{_LIMITS_WITH_AGE}\n{_LIMITS_OF_BOTH}",
}
