"""The words about the German credit data set in the model card and on the pages of the evidence."""

LIMITS_OF_PAGES = "The figures hold for loans like those of the data set. It is small and old."

RISKY = "the data set calls them bad"

DATA = "- Loans with a missing value were dropped, so the model was never trained on any."

BOOK = ""

VIEWS = ""

USE = {"credit_risk_model": "This model is an example. **It must not decide on applications.**"}
CONSTRAINTS = {
    "credit_risk_model": "If all other inputs are equal, a longer loan never has a lower probability.",
}
LIMITS = {"credit_risk_model": "- The loans were granted by one bank in Germany in the years from 1973 to 1975."}
