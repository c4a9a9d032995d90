"""The metrics of what models are asked and answer, next to the shares of their training."""

import logging
import sys
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
_BLOCK = 1_000  # loans that are counted together, which costs less than counting each
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


def _is_given(value: Any) -> bool:
    """Return whether a value is neither None nor NaN."""
    return value is not None and bool(value == value)


class _Bins:
    """Counts values by bin. The bins are those of the shares: upper edges up to `+Inf`, or categories."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        self.shares = shares
        self.counts = dict.fromkeys(shares, 0)
        bins = sorted((float(name), name) for name in shares if name != "missing") if "+Inf" in shares else []
        self._edges = [edge for edge, _ in bins]
        self._names = [name for _, name in bins]
        self._numpy: Any = sys.modules.get("numpy")  # a model that needs it has imported it; the service does not
        self._edge_array = self._numpy and self._numpy.array(self._edges)

    def sort(self, columns: Sequence[Sequence[Any]]) -> Mapping[str, int]:
        """Return the number of values in each bin; None and NaN are `missing`, and an unknown category is `other`."""
        return self._sort_numbers(columns) if self._edges else self._sort_categories(columns)

    def _sort_numbers(self, columns: Sequence[Sequence[Any]]) -> Mapping[str, int]:
        size = sum(map(len, columns))
        ends = self._ends_by_numpy(columns) if self._numpy else self._ends(columns)
        found = {name: end - start for name, start, end in zip(self._names, [0, *ends], ends, strict=False)}
        return found | {"missing": size - ends[-1]} if ends[-1] < size else found

    def _ends_by_numpy(self, columns: Sequence[Sequence[Any]]) -> list[int]:
        """Return the number of values up to each edge, at a fraction of the cost of `_ends`."""
        arrays: list[Any] = []
        others: list[Any] = []
        for column in columns:
            (arrays if isinstance(column, self._numpy.ndarray) else others).append(column)
        if any(array.dtype.kind not in "biufO" for array in arrays):  # such as times
            return self._ends(columns)
        try:
            arrays.append(self._numpy.fromiter(chain.from_iterable(others), float))
            ordered = self._numpy.concatenate(arrays, dtype=float, casting="unsafe")  # also of objects
        except OverflowError:  # an int is too large for a float
            return self._ends(columns)
        ordered.sort()  # NaN, also for None, to the end
        return ordered.searchsorted(self._edge_array, side="right").tolist()  # type: ignore[no-any-return]

    def _ends(self, columns: Sequence[Sequence[Any]]) -> list[int]:
        ordered = sorted(filter(_is_given, chain.from_iterable(columns)))
        return [bisect_right(ordered, edge) for edge in self._edges]  # costs less than a search for each value

    def _sort_categories(self, columns: Sequence[Sequence[Any]]) -> Mapping[str, int]:
        found: Counter[str] = Counter()
        for value, count in Counter(chain.from_iterable(columns)).items():
            name = value if value in self.counts else str(value)  # an Enum of texts is equal to its text
            found[(name if name in self.counts else "other") if _is_given(value) else "missing"] += count
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
        if not loans:
            return
        with self._lock:
            if loans >= _BLOCK:
                self._count_all([], [observation])
                return
            (self._batches if is_batch(observation) else self._loans).append(self._counted(observation))
            self._waiting += loans
            full = self._waiting >= _BLOCK
        if full:
            self.count()

    def _counted(self, observation: Observation) -> Observation:
        """Return the observation without the inputs that are not counted, which may be large."""
        inputs, score, label = observation
        if len(inputs) < len(self.values):  # next to the score, nothing that is not counted
            return observation
        return {name: inputs[name] for name in self.values if name in inputs}, score, label

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
        found = [(self.labels, self.labels.sort([labels for _, _, labels in batches]))]
        for name, bins in self.values.items():
            columns = [_scores(batch) if name == _SCORE else batch[0][name] for batch in batches]
            found.append((bins, bins.sort(columns)))
        for bins, numbers in found:
            bins.add(numbers)

    def _count_each(self, loans: Sequence[Observation]) -> None:
        lost = 0
        for loan in loans:
            try:
                self._count([self._batch([loan])])
            except Exception as error:
                lost, last = lost + 1, error
        if lost:
            message = "%d of %d answers are missing in the metrics: they do not fit the reference of the model."
            logger.error(message, lost, len(loans), exc_info=last)


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
