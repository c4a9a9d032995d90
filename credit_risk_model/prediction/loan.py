"""One loan as the models get it, as a pydantic model.

`features.py` has the ranges, descriptions and examples of the inputs. A test compares names and types.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from credit_risk_model.categories import EmploymentLength, HomeOwnership, LoanPurpose, Term, VerificationStatus
from credit_risk_model.prediction.fields import FINITE, WHOLE, category, number


class Loan(BaseModel):
    """The inputs that do not depend on the month."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    annual_income: Annotated[int, number("annual_income"), WHOLE]
    collections_in_last_12_months: Annotated[int, number("collections_in_last_12_months"), WHOLE]
    delinquencies_in_last_2_years: Annotated[int, number("delinquencies_in_last_2_years"), WHOLE]
    debt_to_income_ratio: Annotated[float, number("debt_to_income_ratio"), FINITE]
    employment_length: Annotated[EmploymentLength, category("employment_length")]
    home_ownership: Annotated[HomeOwnership, category("home_ownership")]
    number_of_delinquent_accounts: Annotated[int, number("number_of_delinquent_accounts"), WHOLE]
    interest_rate: Annotated[float, number("interest_rate"), FINITE]
    last_payment_amount: Annotated[float, number("last_payment_amount"), FINITE]
    loan_amount: Annotated[int, number("loan_amount"), WHOLE]
    derogatory_public_record_count: Annotated[int, number("derogatory_public_record_count"), WHOLE]
    loan_purpose: Annotated[LoanPurpose, category("loan_purpose")]
    revolving_line_utilization_rate: Annotated[float, number("revolving_line_utilization_rate"), FINITE]
    term: Annotated[Term, category("term")]
    total_payments_to_date: Annotated[float, number("total_payments_to_date"), FINITE]
    verification_status: Annotated[VerificationStatus, category("verification_status")]


class CreditRiskModelInput(Loan):
    """One loan: its terms, its borrower, and the payments made on it so far."""
