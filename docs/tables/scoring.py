"""Generates the tables of docs/explanations-batches-files.md from the recorded measurements."""

from benchmarks import results
from benchmarks.batches import RATIO


def batches() -> str:
    """Return the table of batches and single predictions, alone and together."""
    measured = results.read("batches")
    lines = [
        "| | single predictions/s | loans in batches/s | probe p99 | slowest probe |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in measured.items():
        if isinstance(row, dict):
            counts = f"{row['single predictions per second']:,.0f} | {row['loans of batches per second']:,.0f}"
            lines.append(
                f"| {name} | {counts} | {row['probes p99 in ms']:.0f} ms | {row['slowest probe in ms']:.0f} ms |"
            )
    lines.append(
        f"\nMedians of {measured['turns']} rounds of {measured['seconds']:.0f} s. A batch scores {measured[RATIO]:.1f} "
        "loans in the time of one single prediction. The service ran on one core, load and probes on the other; "
        f"{measured['machine']}, {measured['date']}."
    )
    return "\n".join(lines)


def file() -> str:
    """Return the table of the time and memory to score a file."""
    measured = results.read("scoring")
    figures, contributions = measured["file"], measured["contributions"]
    return "\n".join(
        [
            "| | |",
            "|---|---:|",
            f"| rows (Parquet, real loans repeated) | {figures['rows']:,} |",
            f"| rows per second, from file to file | {figures['rows per second']:,} |",
            f"| rate as a share of `Booster.predict` alone on the same matrix | "
            f"{figures['share of the rate of the booster']:.2f} |",
            f"| CPU time of `Booster.predict` as a share of all CPU time | "
            f"{figures['share of its time on the cores']:.2f} |",
            f"| peak memory | {figures['megabytes']} MB |",
            f"| time for the contributions of one loan, one thread | {contributions['ms for one loan']} ms |",
            f"| largest error of the sum of contributions, in log-odds, over {contributions['loans']:,} real loans | "
            f"{contributions['largest error in log-odds']:.0e} |",
            f"\n{figures['threads']} threads, medians of alternating runs; {measured['machine']}, {measured['date']}.",
        ]
    )


def job() -> str:
    """Return the table of the time and memory of each engine under the memory limit of the Job."""
    measured = results.read("scoring_job")
    lines = ["| engine | time | peak memory of all processes |", "|---|---:|---:|"]
    for engine, figures in measured["engines"].items():
        lines.append(f"| {engine} | {figures['seconds']} s | {figures['peak memory in MiB']:,} MiB |")
    lines.append(
        f"\n{measured['rows']:,} synthetic loans in row groups of 1,048,576, scored with the arguments of the Job, two "
        f"threads or workers, a memory limit of {measured['limit in MiB']:,} MiB; {measured['machine']}, "
        f"{measured['date']}."
    )
    return "\n".join(lines)
