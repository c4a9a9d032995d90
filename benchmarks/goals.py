"""The goals for the speed and memory of the service, compared with what `make bench` recorded."""

import statistics
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks import results, servers
from benchmarks.model import MANY_LOANS, ONE_LOAN


@dataclass(frozen=True)
class Goal:
    """A recorded figure with a lower bound `least` or an upper bound `most`."""

    what: str
    figure: float
    least: float | None = None
    most: float | None = None

    @property
    def reached(self) -> bool:
        """Whether the figure is within its bound."""
        return (self.least is None or self.figure >= self.least) and (self.most is None or self.figure <= self.most)


def figures(speed: dict[str, Any], server: str, connections: str, name: str) -> list[float]:
    """Return the figure `name` of each round."""
    return [turn["loads"][connections][name] for turn in speed["servers"][server]]


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median ratio of figures that are compared within each round."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def goals() -> list[Goal]:
    """Return the goals with the last results; a load has 16 connections unless the goal says otherwise."""
    speed, model = results.read("speed"), results.read("model")
    ours, ceiling, article = servers.OURS.name, servers.CEILING.name, servers.ARTICLE.name
    others = (servers.MLSERVER, servers.MLSERVER_ALONE, servers.BENTOML, servers.LITSERVE, servers.MLFLOW)
    least = {article: 10, **{server.name: 3 for server in others}, servers.BY_HAND.name: 1, ceiling: 0.85}
    found = []
    for name, bound in least.items():
        if name in speed["servers"]:
            rates = (figures(speed, server, "16", "requests per second") for server in (ours, name))
            found.append(Goal(f"requests/s relative to {name}", ratio(*rates), bound))
    late = (figures(speed, server, "128", "p99 ms") for server in (ours, ceiling))
    found.append(Goal(f"p99 relative to {ceiling}, 128 connections", ratio(*late), most=3))
    for words, one in model[ONE_LOAN].items():
        relative = one["model"] / one["booster"]
        found.append(Goal(f"time for one loan ({words}) relative to `Booster.predict`", relative, most=1.3))
    found.append(Goal("time for 100,000 loans relative to `Booster.predict`", model[MANY_LOANS], most=1.1))
    if article in speed["servers"]:
        starts = ([turn["CPU seconds to ready"] for turn in speed["servers"][name]] for name in (ours, article))
        found.append(Goal(f"CPU time to start relative to {article}", ratio(*starts), most=0.65))
    resident = max(turn["resident MB after 1000 requests"] for turn in speed["servers"][ours])
    errors = sum(load["errors"] for turn in speed["servers"][ours] for load in turn["loads"].values())
    found.append(Goal("resident MB after 1,000 requests", resident, most=130))
    found.append(Goal("growth of the memory over 200,000 requests in MB", speed["memory"]["growth in MB"], most=5))
    found.append(Goal("errors", errors + speed["memory"]["errors"], most=0))
    return found


def main() -> None:
    """Print the goals; exit with 1 if one is missed."""
    found = goals()
    for goal in found:
        bound = f"at least {goal.least}" if goal.most is None else f"at most {goal.most}"
        print(f"{'reached' if goal.reached else 'MISSED'}: {goal.what}: {goal.figure:.2f}, {bound}")
    sys.exit(not all(goal.reached for goal in found))


if __name__ == "__main__":
    main()
