"""What the YAML and the environment may contain, and how the service reports everything else."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from credit_risk_model.service.configuration import ConfigurationError, read, unknown_variables
from credit_risk_model.service.members import check_members
from credit_risk_model.service.settings import Settings
from tests.conftest import CONFIGURATION, ROOT, until
from tests.service.member_models import ALLOWED, WORDS
from tests.service.models import Echo
from tests.service.process import ECHO, running, starting, write_configuration

MODULE = "tests.service.models"
OUTPUTS = "tests.service.output_models"
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"modles": []}, "top level", "unknown key 'modles'. Did you mean 'models'? Known keys: service_title, version,"),
    ({"qualified_name": "x"}, "top level", "unknown key 'qualified_name'"),
    ({"metrics": {"enable": True}}, "metrics", "unknown key 'enable'. Did you mean 'enabled'?"),
    ({"metrics": {"enabled": "perhaps"}}, "metrics.enabled", "found 'perhaps'"),
    (
        {"running": 2},
        "top level",
        "unknown key 'running'. It belongs to the section 'service' of a model or the section 'service' at the top "
        "level. Known keys: service_title,",
    ),
    ({"service": {"models": []}}, "service", "unknown key 'models'. It belongs to the top level. Known keys: running,"),
    ({"service": {"class_path": ECHO}}, "service", "unknown key 'class_path'. It belongs to a model. Known keys:"),
    ({"service": {"drain": 1}}, "service", "Known keys: running, waiting, answer_seconds,"),
    ({"service": {"drain_seconds": -1}}, "service.drain_seconds", "found -1"),
    ({"service": {"running": 0}}, "service.running", "found 0"),
    ({"service": {"log_format": "xml"}}, "service.log_format", "'text' or 'json'"),
    ({"service": 3}, "service", "expected keys and values, found 3"),
    ({"service": None}, "service", "expected keys and values, found None"),
    ({"metrics": []}, "metrics", "expected keys and values, found []"),
    ({"models": [None]}, "models[0]", "expected keys and values, found None"),
    ({"models": 3}, "models", "found 3"),
    ({"service": {"root_path": "risk"}}, "service.root_path", "found 'risk'"),
    ({"service": {"root_path": "/api"}}, "service.root_path", "/api is a route of the service"),
    ({"service": {"root_path": "/metrics/x"}}, "service.root_path", "use another path"),
    ({"service": {"root_path": "/docs"}}, "service.root_path", "/docs is a route of the service"),
    ({"service": {"metrics_port": 9000}, "metrics": None}, "service", "metrics_port needs 'metrics: {enabled: true}'"),
    ({"service": {"trusted_proxies": "10.0.0.5/8"}}, "service.trusted_proxies", "has host bits set"),
    ({"service": {"trusted_proxies": "10.0.0.0/8,nginx"}}, "service.trusted_proxies", "'nginx' does not appear to be"),
    ({"service": {"drain_seconds": float("inf")}}, "service.drain_seconds", "found inf"),
    ({"logging": {"version": 7}}, "logging", "7"),
]
WRONG_MODEL: list[tuple[dict[str, Any], str, str]] = [
    ({"decorator": []}, "models[0]", "unknown key 'decorator'. Did you mean 'decorators'?"),
    ({"class_path": None}, "models[0].class_path", "found None"),
    (
        {"class_path": "nowhere.models.Model"},
        "models[0].class_path",
        f"'nowhere.models.Model' cannot be imported: no module 'nowhere' in the current folder ({Path.cwd()}) or among "
        "the installed packages. Install the package, or set PYTHONPATH to the folder that has it.",
    ),
    (
        {"class_path": "tests.nowhere.Model"},
        "models[0].class_path",
        "'tests.nowhere.Model' cannot be imported: no module 'tests.nowhere' in the current folder",
    ),
    ({"class_path": "Model"}, "models[0].class_path", "'Model' has no module: write 'module.Class'."),
    (
        {"class_path": f"{MODULE}.Ecko"},
        "models[0].class_path",
        "the import failed: module 'tests.service.models' has no attribute 'Ecko', found 'tests.service.models.Ecko'.",
    ),
    ({"class_path": f"{MODULE}.Input"}, "models[0].class_path", "not a subclass of MLModel, found"),
    ({"class_path": f"{MODULE}.Doubling"}, "models[0].class_path", "a decorator, not a model, found"),
    ({"class_path": f"{MODULE}.Incomplete"}, "models[0].class_path", f"'{MODULE}.Incomplete' lacks __init__, version."),
    (
        {"class_path": f"{OUTPUTS}.Untyped"},
        "models[0].class_path",
        "output_schema is <class 'dict'>, which is not a pydantic model (a subclass of pydantic.BaseModel).",
    ),
    (
        {"service": {"drain_seconds": 1}},
        "models[0].service",
        "unknown key 'drain_seconds'. It belongs to the section 'service' at the top level. Known keys: running,",
    ),
    ({"running": 2}, "models[0]", "unknown key 'running'. It belongs to the section 'service' of a model or the"),
    (
        {"decorators": [{"class_path": ECHO}]},
        "models[0].decorators[0].class_path",
        "not a subclass of MLModelDecorator, found",
    ),
    (
        {"configuration": {"lodes_with": "x"}},
        "models[0].configuration",
        "got an unexpected keyword argument 'lodes_with'. Known keys: loads_with, predicts_with,",
    ),
    (
        {"class_path": "tests.service.difficult_models.Sticky", "configuration": {"gate": "x", "note": "y"}},
        "models[0].configuration",
        "got an unexpected keyword argument 'note', missing a required argument: 'notes'. Known keys: gate, notes.",
    ),
    (
        {"decorators": [{"class": ECHO, "class_path": f"{MODULE}.Doubling"}]},
        "models[0].decorators[0]",
        "Did you mean 'class_path'?",
    ),
    (
        {"decorators": [{"class_path": f"{MODULE}.Doubling", "configuration": {"time": 2}}]},
        "models[0].decorators[0].configuration",
        "got an unexpected keyword argument 'time'. Known keys: times.",
    ),
]


@pytest.mark.parametrize(("content", "key", "words"), WRONG, ids=lambda value: str(value)[:30])
def test_a_wrong_key_of_the_configuration_is_named(
    tmp_path: Path, content: dict[str, Any], key: str, words: str
) -> None:
    path = write_configuration(tmp_path, **content)

    with pytest.raises(ConfigurationError) as raised:
        read(path, {})

    assert str(raised.value).startswith(f"{path}: {key}: ")
    assert words in str(raised.value)


@pytest.mark.parametrize(("model", "key", "words"), WRONG_MODEL, ids=lambda value: str(value)[:30])
def test_a_wrong_key_of_a_model_is_named(tmp_path: Path, model: dict[str, Any], key: str, words: str) -> None:
    path = write_configuration(tmp_path, model)

    with pytest.raises(ConfigurationError) as raised:
        read(path, {})

    assert str(raised.value).startswith(f"{path}: {key}: ")
    assert words in str(raised.value)


@pytest.mark.parametrize(("model", "words"), WORDS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_member_that_cannot_be_used_is_named(tmp_path: Path, model: type[Echo], words: str) -> None:
    path = write_configuration(tmp_path, {"class_path": f"{model.__module__}.{model.__name__}"})

    with pytest.raises(ConfigurationError) as raised:
        read(path, {})

    assert str(raised.value).startswith(f"{path}: models[0].class_path: {words}")


@pytest.mark.parametrize("model", ALLOWED, ids=lambda model: model.__name__)
def test_unusual_members_that_work_are_allowed(tmp_path: Path, model: type[Echo]) -> None:
    path = write_configuration(tmp_path, {"class_path": f"{model.__module__}.{model.__name__}"})

    assert read(path, {}).models
    check_members(model())


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nowhere", "'{module}.Model' cannot be imported: it needs 'nowhere', which is not installed."),
        (
            "x = 1\nraise RuntimeError('no GPU')",
            "Importing '{module}.Model' failed: RuntimeError: no GPU ({file}, line 2)",
        ),
        ("def broken(:", "Importing '{module}.Model' failed: SyntaxError: invalid syntax ({module}.py, line 1)"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    module = f"broken_{abs(hash(source))}"  # Python remembers each module
    file = tmp_path / f"{module}.py"
    file.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigurationError) as raised:
        read(write_configuration(tmp_path, {"class_path": f"{module}.Model"}), {})

    assert words.format(module=module, file=file) in str(raised.value)


def test_a_key_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "configuration.yaml"
    path.write_text(f"on: [push]\nmodels: [{{class_path: {ECHO}, create_endpoint: true}}]")

    with pytest.raises(ConfigurationError, match="unknown key 'True'"):
        read(path, {})


def test_a_configuration_without_models_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "configuration.yaml"
    path.write_text("models: []")

    with pytest.raises(ConfigurationError, match="models: List should have at least 1 item"):
        read(path, {})


def test_a_variable_that_is_not_a_setting_is_named() -> None:
    given = {"REST_DRAIN_SECOND": "1", "REST_DRAIN_SECONDS": "1", "REST_CONFIG": "x", "RESTART": "x", "REST_7": "tcp"}

    assert unknown_variables(given) == [
        "The environment variable REST_7 is not a setting.",
        "The environment variable REST_DRAIN_SECOND is not a setting. Did you mean 'REST_DRAIN_SECONDS'?",
    ]


def test_a_variable_that_is_not_a_setting_is_only_a_warning(tmp_path: Path) -> None:
    with starting(tmp_path, environment={"REST_DRAIN_SECOND": "1"}) as service:
        until(lambda: service.statuses() == (200, 200, 200), "ready")

        assert re.search(r"WARNING .* REST_DRAIN_SECOND is not a setting", service.log)


def test_the_check_warns_of_a_variable_that_is_not_a_setting(tmp_path: Path) -> None:
    environment = {"REST_CONFIG": str(write_configuration(tmp_path)), "REST_DRAIN_SECOND": "1"}

    done = subprocess.run(
        [sys.executable, "-m", "credit_risk_model.service", "--check"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert "REST_DRAIN_SECOND is not a setting. Did you mean 'REST_DRAIN_SECONDS'?" in done.stderr
    assert done.stdout.endswith("valid, 1 model\n")


def test_two_models_of_one_name_are_named(tmp_path: Path) -> None:
    path = write_configuration(tmp_path, {}, {"class_path": f"{MODULE}.OtherEcho"}, {})

    with pytest.raises(ConfigurationError, match=r"models: 2 models have the name 'echo'"):
        read(path, {})


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    path = write_configuration(tmp_path, {"decorator": 1}, metrics={"enable": 1})

    with pytest.raises(ConfigurationError) as raised:
        read(path, {})

    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["models: [", "", "- a", "\x00", "[" * 5_000])
def test_a_file_that_is_not_a_configuration_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "configuration.yaml"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=re.escape(str(path))):
        read(path, {})


@pytest.mark.parametrize("text", ["models: []\nmodels: []", "service: {running: 1, running: 2}", "{[1]: 2, [1]: 3}"])
def test_a_duplicate_key_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "configuration.yaml"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=r"duplicate key '.*'\s+in .*, line 1"):
        read(path, {})


def test_a_merged_section_may_be_overridden(tmp_path: Path) -> None:
    path = tmp_path / "configuration.yaml"
    models = f"models: [{{class_path: {ECHO}, create_endpoint: true}}]"
    path.write_text("service: {<<: &all {running: 2, waiting: 7}, running: 3}\n" + models)

    assert read(path, {}).service == Settings(running=3, waiting=7)


def test_a_missing_file_is_reported_with_the_variable_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="REST_CONFIG names the file"):
        read(tmp_path / "nowhere.yaml", {})


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    path = write_configuration(tmp_path, {"service": {"running": 7}}, service={"running": 5, "waiting": 6})

    configuration = read(path, {"REST_WAITING": "8", "REST_DRAIN_SECONDS": "2.5", "PATH": "x"})

    assert configuration.service == Settings(running=5, waiting=8, drain_seconds=2.5)
    limits = configuration.limits(0)
    assert (limits.running, limits.waiting) == (7, 8), "a model's own settings count for it"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_can_be_given_in_the_environment(tmp_path: Path, name: str) -> None:
    values = {"log_format": "json", "root_path": "/risk", "trusted_proxies": "10.0.0.1", "page": "False"}
    value = (values | {"prediction_log_omit": "number"}).get(name, "3")

    configuration = read(write_configuration(tmp_path), {f"REST_{name.upper()}": value})

    assert str(getattr(configuration.service, name)).removesuffix(".0") == value


def test_the_prediction_log_may_omit_every_field_also_of_items(tmp_path: Path) -> None:
    path = write_configuration(tmp_path, service={"prediction_log_omit": "number, size,*"})

    assert read(path, {}).service.omitted == {"number", "size", "*"}


def test_an_input_that_no_model_has_cannot_be_omitted(tmp_path: Path) -> None:
    path = write_configuration(tmp_path, service={"prediction_log_omit": "nunber,size"})

    with pytest.raises(ConfigurationError, match=r"no model has the input 'nunber'\. Did you mean 'number'\?"):
        read(path, {})


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"environment variable REST_RUNNING: .*, found 'many'"):
        read(write_configuration(tmp_path), {"REST_RUNNING": "many"})


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_the_process_ends_with_the_message_before_it_listens(tmp_path: Path, arguments: list[str]) -> None:
    path = write_configuration(tmp_path, {"decorator": []})

    done = subprocess.run(
        [sys.executable, "-m", "credit_risk_model.service", "--port", "0", *arguments],
        cwd=ROOT,
        env=os.environ | {"REST_CONFIG": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith(f"{path}: models[0]: unknown key 'decorator'.")


def test_the_framework_takes_the_same_file(tmp_path: Path) -> None:
    from rest_model_service.configuration import ServiceConfiguration

    path = write_configuration(tmp_path, {"service": {"running": 7}}, service={"running": 5})

    assert ServiceConfiguration(**yaml.safe_load(path.read_text())).models[0].class_path == ECHO


def test_the_configuration_of_the_project_is_valid() -> None:
    assert read(CONFIGURATION, {}).models


def test_a_logging_section_replaces_the_log_formats(tmp_path: Path) -> None:
    section = {
        "version": 1,
        "formatters": {"mine": {"format": "MINE %(message)s"}},
        "handlers": {"mine": {"class": "logging.StreamHandler", "formatter": "mine"}},
        "root": {"level": "INFO", "handlers": ["mine"]},
    }

    with running(tmp_path, write_configuration(tmp_path, logging=section)) as service:
        assert re.search("^MINE Service running on ", service.log, re.MULTILINE), "no logger falls silent"
