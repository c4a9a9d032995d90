"""Keeps the result of each step of a training run, so that a failed run resumes at the step that failed."""

import ast
import pickle
import time
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import ParamSpec, TypeVar

import joblib

from credit_risk_model import atomic_file

WORK = Path("build") / "training"

P = ParamSpec("P")
T = TypeVar("T")


class Steps:
    """Runs the steps of a training, and keeps their results until `forget`.

    A kept result is used again if its arguments, its code and all installed packages are the same. So a step is a
    function of a module that reads no files: everything that it needs is an argument.
    """

    def __init__(self) -> None:
        self._packages = sorted((package.name, package.version) for package in distributions())
        self._kept: list[Path] = []

    def take(self, name: str, step: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Return the result of `step`, or the one that this run or an earlier failed run has kept."""
        code = sources(Path(__file__).parents[2], step.__module__)
        key = joblib.hash([self._packages, code, step.__qualname__, arguments, options])
        path = WORK / f"{name.replace(' ', '_')}-{key}.pickle"
        self._kept.append(path)
        if path.exists():
            print(f"{name}: kept from before")
        else:
            print(name)
            started = time.monotonic()
            result = step(*arguments, **options)
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.write(path, pickle.dumps(result))
            print(f"   {time.monotonic() - started:.0f} s")
        # The next steps get the same object, down to its bytes, in this run and in a resumed one.
        return pickle.loads(path.read_bytes())  # type: ignore[no-any-return]  # noqa: S301  # written above

    def forget(self) -> None:
        """Remove the results that this run has kept."""
        for path in self._kept:
            path.unlink(missing_ok=True)


def sources(root: Path, module: str) -> dict[str, str]:
    """Return the source of a module in the folder `root`, and of all modules that it imports from its own package."""
    package = module.partition(".")[0]
    found: dict[str, str] = {}
    names = [module]
    while names:
        name = names.pop()
        path = root.joinpath(*name.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name in found or name.partition(".")[0] != package or not file.exists():
            continue
        found[name] = file.read_text()
        names.append(name.rpartition(".")[0])
        for node in ast.walk(ast.parse(found[name])):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found
