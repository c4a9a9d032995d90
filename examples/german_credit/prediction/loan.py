"""One loan as the model gets it, as a pydantic model."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from credit_risk_model.categories import CheckingAccount, CreditPurpose, SavingsAccount
from credit_risk_model.prediction.fields import FINITE, WHOLE, category, number


class CreditRiskModelInput(BaseModel):
    """One loan: its terms and its borrower."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checking_account: Annotated[CheckingAccount, category("checking_account")]
    duration: Annotated[int, number("duration"), WHOLE]
    credit_purpose: Annotated[CreditPurpose, category("credit_purpose")]
    credit_amount: Annotated[float, number("credit_amount"), FINITE]
    savings_account: Annotated[SavingsAccount, category("savings_account")]
    age: Annotated[int, number("age"), WHOLE]
