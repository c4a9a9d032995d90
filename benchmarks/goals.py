"""The goals for the speed and memory of the service, compared with the recorded results."""

from dataclasses import dataclass

from benchmarks import report, results, servers
from benchmarks.soak import GOAL as MOST_GROWTH


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


def goals() -> list[Goal]:
    """Return the goals with the last results; a load has 16 connections unless the goal says otherwise."""
    speed, turns, model, soak = (results.read(name) for name in ("speed", "ceiling", "model", "soak"))
    ours, ceiling, article = servers.OURS.name, servers.CEILING.name, servers.ARTICLE.name
    others = (servers.MLSERVER, servers.MLSERVER_ALONE, servers.BENTOML, servers.LITSERVE, servers.MLFLOW)
    found = [
        Goal(f"requests/s relative to {name}", report.ratio(speed, ours, name, "16"), least=least)
        for name, least in {article: 10, **{server.name: 3 for server in others}}.items()
        if name in speed["servers"]
    ]
    for name, least in {servers.BY_HAND.name: 1, ceiling: 0.85}.items():
        found.append(
            Goal(f"requests/s relative to {name}", report.turns_ratio(turns, ours, name, "16", "requests"), least)
        )
    found.append(
        Goal(
            f"p99 relative to {ceiling}, 128 connections",
            report.turns_ratio(turns, ours, ceiling, "128", "p99"),
            most=3,
        )
    )
    for count, words in report.DIFFERENT.items():
        one, booster = (
            model["benchmarks"][f"one_loan_{who}[{count}]"]["median seconds"] for who in ("model", "booster")
        )
        found.append(Goal(f"time for one loan ({words}) relative to `Booster.predict`", one / booster, most=1.3))
    many = model["benchmarks"]["many_loans"]["times Booster.predict"]
    found.append(Goal("time for 100,000 loans relative to `Booster.predict`", many, most=1.1))
    if article in speed["servers"]:
        found.append(
            Goal(f"CPU time to start relative to {article}", report.start_ratio(speed, ours, article), most=0.65)
        )
    resident = max(turn["resident MB after 1000 requests"] for turn in speed["servers"][ours])
    found.append(Goal("resident MB after 1,000 requests", resident, most=130))
    found.append(Goal("growth of the memory over 200,000 requests in MB", soak["growth in MB"], most=MOST_GROWTH))
    return found


def table() -> str:
    """Return the goals as a table."""
    lines = ["| goal | at least | at most | measured | |", "|---|---:|---:|---:|---|"]
    for goal in goals():
        bounds = " | ".join("" if bound is None else f"{bound:g}" for bound in (goal.least, goal.most))
        lines.append(f"| {goal.what} | {bounds} | {goal.figure:.2f} | {'reached' if goal.reached else '**missed**'} |")
    return "\n".join(lines)
