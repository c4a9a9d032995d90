"""The inputs of the model: their names, types and ranges."""

from credit_risk_model.categories import CheckingAccount, CreditPurpose, SavingsAccount
from credit_risk_model.feature_set import Feature, FeatureSet

FEATURES = (
    Feature(
        field="checking_account",
        name="CheckingAccount",
        column="checking_status",
        type=CheckingAccount,
        description="Balance of the checking account in DM.",
        example="0<=X<200",
    ),
    Feature(
        field="duration",
        name="Duration",
        column="duration",
        type=int,
        minimum=4,
        maximum=72,
        description="Duration of the loan in months.",
        example=24,
        fine=True,
    ),
    Feature(
        field="credit_purpose",
        name="CreditPurpose",
        column="purpose",
        type=CreditPurpose,
        description="The purpose of the loan.",
        example="radio/tv",
    ),
    Feature(
        field="credit_amount",
        name="CreditAmount",
        column="credit_amount",
        type=float,
        minimum=250.0,
        maximum=18_424.0,
        description="Amount of the loan in DM.",
        example=3_200.0,
        fine=True,
    ),
    Feature(
        field="savings_account",
        name="SavingsAccount",
        column="savings_status",
        type=SavingsAccount,
        description="Balance of the savings account in DM.",
        example="<100",
    ),
    Feature(
        field="age",
        name="Age",
        column="age",
        type=int,
        minimum=19,
        maximum=75,
        description="Age of the borrower in years.",
        example=35,
    ),
)

LOAN = FeatureSet(FEATURES, monotone={"Duration": 1})
ON_BOOK = FeatureSet([])  # there is no model for a book of loans that are being paid
