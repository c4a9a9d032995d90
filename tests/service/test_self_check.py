"""What a self-check may return."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from credit_risk_model.service.configuration import read
from credit_risk_model.service.framework import create_framework, load_models, make_pages
from tests.service.models import Echo
from tests.service.process import write_configuration


class Returning(Echo):
    """Returns `result` from its self-check."""

    result: Any = None

    def self_check(self) -> Any:
        return self.result


async def check_later() -> None:
    raise ValueError


def load(folder: Path) -> list[str]:
    configuration = read(write_configuration(folder, {"class_path": f"{__name__}.Returning"}), {})
    framework = create_framework(configuration)
    return [loaded.model.qualified_name for loaded in load_models(framework, configuration)]


@pytest.mark.parametrize("result", [None, True, np.True_])
def test_none_and_true_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: Any) -> None:
    monkeypatch.setattr(Returning, "result", result)

    assert load(tmp_path) == ["echo"]


@pytest.mark.parametrize("result", [False, np.False_, 0, 1, "", "wrong", "True", [], np.array([True, False])], ids=repr)
def test_another_result_fails_the_load_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    monkeypatch.setattr(Returning, "result", result)

    with pytest.raises(ValueError, match="The self-check of echo returned ") as raised:
        load(tmp_path)

    assert f"returned {result!r}. Only None and True mean that it passed." in str(raised.value)


def test_a_check_that_was_not_awaited_fails_the_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = check_later()
    monkeypatch.setattr(Returning, "result", check)

    with pytest.raises(ValueError, match="returned <coroutine object check_later"):
        load(tmp_path)
    check.close()


class Unshowable(Echo):
    """Loses its description after the check of its members."""

    def self_check(self) -> None:
        self.description: Any = 5


def test_a_model_that_the_framework_cannot_show_fails_the_load(tmp_path: Path) -> None:
    configuration = read(write_configuration(tmp_path, {"class_path": f"{__name__}.Unshowable"}), {})
    models = list(load_models(create_framework(configuration), configuration))

    with pytest.raises(RuntimeError, match=r"The framework cannot show a model: .*valid string"):
        make_pages({}, models, "")
