"""The models for a book of living loans: the same as the others, with the age of the loan as a further input."""

from credit_risk_model.features import ON_BOOK
from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.explanation import CreditRiskExplanationModel
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import (
    CreditRiskOnBookBatchModelInput,
    CreditRiskOnBookExplanationModelInput,
    CreditRiskOnBookModelInput,
)


class CreditRiskOnBookModel(CreditRiskModel):
    """Tells safe loans from risky ones by their payments and their age."""

    display_name = "Credit Risk On-Book Model"
    qualified_name = "credit_risk_on_book_model"
    description = "Predicts whether a loan that is being paid is safe or risky; knows how old the loan is."
    input_schema = CreditRiskOnBookModelInput
    features = ON_BOOK


class CreditRiskOnBookExplanationModel(CreditRiskExplanationModel):
    """Tells safe loans from risky ones by their payments and their age, and what moved each."""

    display_name = "Credit Risk On-Book Explanation Model"
    qualified_name = "credit_risk_on_book_explanation_model"
    description = "Predicts whether a loan that is being paid is safe or risky, and tells how probably and why."
    input_schema = CreditRiskOnBookExplanationModelInput
    features = ON_BOOK


class CreditRiskOnBookBatchModel(CreditRiskBatchModel):
    """Tells safe loans from risky ones by their payments and their age, up to 1,000 in one request."""

    display_name = "Credit Risk On-Book Batch Model"
    qualified_name = "credit_risk_on_book_batch_model"
    description = "Predicts which of up to 1,000 loans that are being paid are safe or risky."
    input_schema = CreditRiskOnBookBatchModelInput
    features = ON_BOOK
