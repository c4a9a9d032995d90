"""The truth table of the product, as the documentation shows it."""

from credit_risk_model.service.state import TRUTH_TABLE


def markdown() -> str:
    lines = ["| state | `/api/health` | `/api/health/ready` | `/api/health/startup` | prediction | note |"]
    lines.append("|---|---|---|---|---|---|")
    for state, row in TRUTH_TABLE.items():
        prediction = f"{row.prediction}{' + Retry-After' if row.retry_after else ''}"
        lines.append(f"| {state} | {row.health} | {row.ready} | {row.startup} | {prediction} | {row.note} |")
    return "\n".join(lines)
