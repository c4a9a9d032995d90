"""Compares the probabilities that a model computes with those that training computed."""

from collections.abc import Sequence

from credit_risk_model.artifact import ArtifactError

TOLERANCE = 1e-9  # the paths through LightGBM differ by less than 1e-15; a changed leaf makes a larger difference


def compare(found: Sequence[float], expected: Sequence[float], what: str = "probability") -> None:
    """Compare the values of the loans of a self-check with the expected ones, loan by loan.

    Raises:
        ArtifactError: a value differs by more than the tolerance, or is not a number.
    """
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True), start=1):
        if not abs(ours - theirs) <= TOLERANCE:  # written so that nan is refused too
            raise ArtifactError(
                f"Self-check failed: loan {number} of {len(expected)} has another {what} than in training: expected "
                f"{theirs!r}, found {ours!r}. The model file is damaged, or this CPU or version of LightGBM computes "
                "other values. Restore the artifact and install the locked requirements, or train again with `make "
                "train DATA=<loan.csv>`."
            )
