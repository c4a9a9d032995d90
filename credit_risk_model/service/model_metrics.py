"""The metrics of what models are asked and answer, next to the shares of their training."""

import logging
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from itertools import chain
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

Observation = tuple[Mapping[str, Any], Any, Any]
"""What a model tells about its answer: the inputs by their names, the score or None, and the label.

For a batch, each input, the scores and the labels are columns: a list or an array, with a value for each loan.
"""
Observer = Callable[[Observation], None]

_SCORE = "score"  # its name among the values of the reference
_BLOCK = 256  # loans that are counted together, which costs less than counting each
_SIZES = (1, 10, 100, 1_000)


def is_batch(observation: Observation) -> bool:
    label = observation[2]
    return not isinstance(label, str) and isinstance(label, Sized)


def size(observation: Observation) -> int:
    if not is_batch(observation):
        return 1
    inputs, _, labels = observation
    sizes = {len(labels), len(_scores(observation)), *map(len, inputs.values())}
    if len(sizes) > 1:
        raise ValueError(f"The columns of a batch have different lengths: {sorted(sizes)}.")
    return len(labels)


def rows(observation: Observation) -> Iterator[Observation]:
    """Yield an observation for each loan."""
    if not is_batch(observation):
        yield observation
        return
    inputs, _, labels = observation
    for label, score, *values in zip(*map(_listed, (labels, _scores(observation), *inputs.values())), strict=True):
        yield dict(zip(inputs, values, strict=True)), score, label


def _scores(batch: Observation) -> Sequence[float | None]:
    _, scores, labels = batch
    return [None] * len(labels) if scores is None else scores


def _listed(column: Any) -> Sequence[Any]:
    """Return an array as a list, whose values cost less and are those of Python."""
    return column.tolist() if hasattr(column, "tolist") else column  # type: ignore[no-any-return]  # as of a list


def _joined(columns: Sequence[Any]) -> Any:
    return columns[0] if len(columns) == 1 else list(chain.from_iterable(columns))


def _is_array_of_numbers(values: Any) -> bool:
    """Return whether the values are an array of numpy, which the service does not import."""
    return hasattr(values, "searchsorted") and hasattr(values, "sort") and values.dtype.kind in "iuf"


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
        return self._sort_numbers(values) if self._edges else self._sort_categories(values)

    def _sort_numbers(self, values: Any) -> Mapping[str, int]:
        if _is_array_of_numbers(values):  # sorts NaN to the end
            ordered = values.copy()
            ordered.sort()
            ends = ordered.searchsorted(self._edges, side="right").tolist()
        else:
            ordered = sorted([value for value in values if value is not None and value == value])
            ends = [bisect_right(ordered, edge) for edge in self._edges]  # costs less than a search for each value
        found = {name: end - start for name, start, end in zip(self._names, [0, *ends], ends, strict=False)}
        return found | {"missing": len(values) - ends[-1]} if ends[-1] < len(values) else found

    def _sort_categories(self, values: Sequence[Any]) -> Mapping[str, int]:
        found: Counter[str] = Counter()
        for value, count in Counter(values).items():
            name = value if value in self.counts else str(value)  # an Enum of texts is equal to its text
            known = name if name in self.counts else "other"
            found["missing" if value is None or value != value else known] += count
        return found

    def add(self, found: Mapping[str, int]) -> None:
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
        self._loans: list[Observation] = []
        self._batches: list[Observation] = []
        self._waiting = 0
        self._lock = threading.Lock()

    def add(self, observation: Observation) -> None:
        """Count a large batch at once, and other observations with the next ones."""
        loans = size(observation)
        self._observe_size(loans)
        with self._lock:
            if loans >= _BLOCK:
                self._count_all([], [observation])
                return
            (self._batches if is_batch(observation) else self._loans).append(observation)
            self._waiting += loans
            full = self._waiting >= _BLOCK
        if full:
            self.count()

    def count(self) -> None:
        """Count what waits, except loans that do not fit the reference, which are logged."""
        with self._lock:
            loans, batches = self._loans, self._batches
            self._loans, self._batches, self._waiting = [], [], 0
            self._count_all(loans, batches)

    def _count_all(self, loans: list[Observation], batches: list[Observation]) -> None:
        try:
            self._count([*batches, self._batch(loans)] if loans else batches)
        except Exception:  # at least one loan is wrong
            self._count_each([*loans, *chain.from_iterable(map(rows, batches))])

    def _batch(self, loans: Sequence[Observation]) -> Observation:
        inputs = {name: [loan[0][name] for loan in loans] for name in self.values if name != _SCORE}
        return inputs, [score for _, score, _ in loans], [label for _, _, label in loans]

    def _count(self, batches: Sequence[Observation]) -> None:
        """Count all loans, or none of them if one raises an exception."""
        found = [(self.labels, self.labels.sort(_joined([labels for _, _, labels in batches])))]
        for name, bins in self.values.items():
            column = _joined([_scores(batch) if name == _SCORE else batch[0][name] for batch in batches])
            found.append((bins, bins.sort(column)))
        for bins, numbers in found:
            bins.add(numbers)

    def _count_each(self, loans: Sequence[Observation]) -> None:
        lost = 0
        for loan in loans:
            try:
                self._count([self._batch([loan])])
            except Exception as error:
                lost, last = lost + 1, error
        message = "%d of %d answers are missing in the metrics: they do not fit the reference of the model."
        logger.error(message, lost, len(loans), exc_info=last if lost else None)


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
