"""What is kept of the microbenchmarks: `make microbench` writes it to benchmarks/model.json."""

from typing import Any

from benchmarks import record


def pytest_benchmark_update_json(config: Any, benchmarks: Any, output_json: dict[str, Any]) -> None:
    """Leave the least, which another user of the machine disturbs least, and the medians."""
    found = {
        one["name"].removeprefix("test_"): {
            "least seconds": one["stats"]["min"],
            "median seconds": one["stats"]["median"],
            **one["extra_info"],
        }
        for one in output_json["benchmarks"]
    }
    output_json.clear()
    output_json.update(record.conditions() | {"benchmarks": found})
