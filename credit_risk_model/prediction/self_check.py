"""The comparison of the probabilities that a model gives with those that it gave in training."""

from collections.abc import Sequence

from credit_risk_model.artifact import ArtifactError

TOLERANCE = 1e-9  # the paths of LightGBM differ by less than 1e-15, and a changed leaf by more


def compare(found: Sequence[float], expected: Sequence[float], what: str = "probability") -> None:
    """Compare the values of the loans of a self-check, in their order.

    Raises:
        ArtifactError: a value differs by more than the tolerance, or is not a number.
    """
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True), start=1):
        if not abs(ours - theirs) <= TOLERANCE:  # nan is refused as well
            raise ArtifactError(
                f"Self-check failed: loan {number} of {len(expected)} has another {what} than in training: expected "
                f"{theirs!r}, found {ours!r}. The model file is damaged, or this CPU or version of LightGBM computes "
                "differently. Restore the artifact and install the locked requirements, or train again with `make "
                "train DATA=<loan.csv>`."
            )
