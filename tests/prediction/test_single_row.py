from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from lightgbm.basic import LightGBMError

from credit_risk_model.features import FEATURES, LOAN
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.single_row import SingleRow


def test_a_row_gets_what_the_booster_predicts(shipped_model: CreditRiskModel, prepared_loans: pd.DataFrame) -> None:
    matrix = LOAN.encode_frame(prepared_loans)
    single_row = SingleRow(shipped_model._scorer._booster, len(FEATURES))

    found = [single_row(row) for row in matrix.tolist()]

    assert found == np.asarray(shipped_model._scorer._booster.predict(matrix)).tolist()
    assert len(set(found)) > len(found) / 2


def test_threads_do_not_mix_their_rows(shipped_model: CreditRiskModel, prepared_loans: pd.DataFrame) -> None:
    rows = LOAN.encode_frame(prepared_loans).tolist()
    single_row = SingleRow(shipped_model._scorer._booster, len(FEATURES))
    expected = [single_row(row) for row in rows]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: [single_row(row) for row in rows], range(8)))

    assert found == [expected] * 8


def test_a_wrong_number_of_columns_is_refused(shipped_model: CreditRiskModel) -> None:
    with pytest.raises(LightGBMError, match="number of features"):
        SingleRow(shipped_model._scorer._booster, len(FEATURES) + 1)([0.0] * (len(FEATURES) + 1))
