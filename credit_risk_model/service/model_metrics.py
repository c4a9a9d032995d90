"""The metrics of what models are asked and answer, next to the shares of their training."""

import logging
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

Observation = tuple[Mapping[str, Any], float | None, str]
"""What a model tells about one answer: the inputs by their names, the score if there is one, and the label."""
Observer = Callable[[Sequence[Observation]], None]
"""Takes all observations of one prediction: one, or those of a batch."""

_SCORE = "score"  # its name among the values of the reference
_BLOCK = 256  # observations that are counted together, which costs less than counting each
_SIZES = (1, 10, 100, 1_000)


class _Bins:
    """Counts values by bin. The bins are those of the shares: upper edges up to `+Inf`, or categories."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        self.shares = shares
        self.counts = dict.fromkeys(shares, 0)
        bins = sorted((float(name), name) for name in shares if name != "missing") if "+Inf" in shares else []
        self._edges = [edge for edge, _ in bins]
        self._names = [name for _, name in bins]

    def sort(self, values: Sequence[Any]) -> Mapping[str, int]:
        """Return the number of values in each bin; None and NaN are `missing`, and an unknown category is `other`."""
        given = [value for value in values if value is not None and value == value]
        found: Counter[str] = Counter()
        if self._edges:
            ordered = sorted(given)  # a search for each edge costs less than one for each value
            ends = [bisect_right(ordered, edge) for edge in self._edges]
            for name, start, end in zip(self._names, [0, *ends], ends, strict=False):
                found[name] = end - start
        else:
            for value, count in Counter(given).items():
                name = value if value in self.counts else str(value)  # an Enum of texts is equal to its text
                found[name if name in self.counts else "other"] += count
        if len(given) < len(values):
            found["missing"] += len(values) - len(given)
        return found

    def add(self, found: Mapping[str, int]) -> None:
        """Add the numbers that `sort` returned."""
        for name, count in found.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def show(self, counts: CounterMetricFamily, shares: GaugeMetricFamily, *labels: str) -> None:
        for name, count in self.counts.copy().items():
            counts.add_metric([*labels, name], count)
        for name, share in self.shares.items():
            shares.add_metric([*labels, name], share)


class _Model:
    """Counts the observations of one model."""

    def __init__(self, reference: Mapping[str, Any], observe_size: Callable[[int], None]) -> None:
        self.labels = _Bins(reference["labels"])
        self.values = {name: _Bins(shares) for name, shares in reference["values"].items()}
        self._observe_size = observe_size
        self._waiting: list[Observation] = []
        self._lock = threading.Lock()

    def add(self, observations: Sequence[Observation]) -> None:
        self._observe_size(len(observations))
        with self._lock:
            self._waiting += observations
            full = len(self._waiting) >= _BLOCK
        if full:
            self.count()

    def count(self) -> None:
        """Count what waits, except observations that do not fit the reference, which are logged."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            try:
                self._count(waiting)
            except Exception:  # at least one observation is wrong
                self._count_each(waiting)

    def _count(self, observations: Sequence[Observation]) -> None:
        """Count all observations, or none of them if one raises an exception."""
        found = [(self.labels, self.labels.sort([label for _, _, label in observations]))]
        for name, bins in self.values.items():
            column = [score if name == _SCORE else inputs[name] for inputs, score, _ in observations]
            found.append((bins, bins.sort(column)))
        for bins, numbers in found:
            bins.add(numbers)

    def _count_each(self, observations: Sequence[Observation]) -> None:
        lost = 0
        for observation in observations:
            try:
                self._count([observation])
            except Exception as error:
                lost, last = lost + 1, error
        message = "%d of %d answers are missing in the metrics: they do not fit the reference of the model."
        logger.error(message, lost, len(observations), exc_info=last if lost else None)


class ModelMetrics(Collector):
    """Shows the counts of every model that has a reference, and the shares of the reference."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._models: dict[str, _Model] = {}
        self._sizes = Histogram(
            "model_batch_size", "Loans of one prediction.", ["model"], registry=registry, buckets=_SIZES
        )
        registry.register(self)

    def add(self, model: str, reference: Mapping[str, Any]) -> Observer:
        """Return a function that counts the observations of a model.

        `reference` has the shares of the `labels`, and of the `values`: by bin for each input, and for the `score`.
        """
        counted = self._models[model] = _Model(reference, self._sizes.labels(model).observe)
        return counted.add

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        labels = _families("model_labels", "Answers", ["model", "label"])
        values = _families("model_values", "Inputs and scores of the answers", ["model", "value", "bin"])
        for model, counted in list(self._models.items()):
            counted.count()
            counted.labels.show(*labels, model)
            for value, bins in counted.values.items():
                bins.show(*values, model, value)
        yield from (*labels, *values)


def _families(name: str, what: str, labels: list[str]) -> tuple[CounterMetricFamily, GaugeMetricFamily]:
    by = f"by {labels[-1]}"
    share = GaugeMetricFamily(f"{name}_reference_share", f"Shares of training {by}.", labels=labels)
    return CounterMetricFamily(name, f"{what} {by}.", labels=labels), share
