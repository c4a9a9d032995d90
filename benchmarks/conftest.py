"""Selects the results of the microbenchmarks that `make microbench` writes to benchmarks/model.json."""

from typing import Any

from benchmarks import results


def pytest_benchmark_update_json(config: Any, benchmarks: Any, output_json: dict[str, Any]) -> None:
    """Keep the minimum, which other work on the machine disturbs least, the median, and the extra figures."""
    found = {
        one["name"].removeprefix("test_"): {
            "least seconds": one["stats"]["min"],
            "median seconds": one["stats"]["median"],
            **one["extra_info"],
        }
        for one in output_json["benchmarks"]
    }
    output_json.clear()
    output_json.update(results.conditions() | {"benchmarks": found})
