"""The models for loans that are still being paid, which have the age of the loan as an additional input."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from credit_risk_model.features import ON_BOOK
from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.explanation import CreditRiskExplanationModel
from credit_risk_model.prediction.fields import LOANS, REASONS, WHOLE, number, reasons
from credit_risk_model.prediction.loan import Loan
from credit_risk_model.prediction.model import CreditRiskModel


class CreditRiskOnBookModelInput(Loan):
    """One loan: its terms, its borrower, the payments made on it so far, and its age."""

    months_since_issue: Annotated[int, number("months_since_issue"), WHOLE]


class CreditRiskOnBookExplanationModelInput(CreditRiskOnBookModelInput):
    """One loan, as for a prediction, and the maximum number of reasons in the answer."""

    number_of_reasons: Annotated[int, reasons(len(ON_BOOK)), WHOLE] = REASONS


class CreditRiskOnBookBatchModelInput(BaseModel):
    """The loans of one batch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loans: Annotated[list[CreditRiskOnBookModelInput], LOANS]


class CreditRiskOnBookModel(CreditRiskModel):
    """Classifies a loan that is being paid as safe or risky, from its payments and its age."""

    display_name = "Credit Risk On-Book Model"
    qualified_name = "credit_risk_on_book_model"
    description = "Predicts whether a loan that is being paid is safe or risky, from its payments and its age."
    input_schema = CreditRiskOnBookModelInput
    features = ON_BOOK


class CreditRiskOnBookExplanationModel(CreditRiskExplanationModel):
    """Classifies a loan that is being paid as safe or risky, and gives the reasons."""

    display_name = "Credit Risk On-Book Explanation Model"
    qualified_name = "credit_risk_on_book_explanation_model"
    description = "Predicts whether a loan that is being paid is safe or risky, with the probability and the reasons."
    input_schema = CreditRiskOnBookExplanationModelInput
    features = ON_BOOK


class CreditRiskOnBookBatchModel(CreditRiskBatchModel):
    """Classifies up to 1,000 loans that are being paid in one request as safe or risky."""

    display_name = "Credit Risk On-Book Batch Model"
    qualified_name = "credit_risk_on_book_batch_model"
    description = "Predicts for each of up to 1,000 loans that are being paid whether it is safe or risky."
    input_schema = CreditRiskOnBookBatchModelInput
    features = ON_BOOK
