"""The errors of a run over a file."""


class ScoringError(Exception):
    """A run that cannot start or end: what was found, where, and what to do."""


class StalledError(ScoringError):
    """A run in which nothing was finished for too long: for how long, why, and what to do."""
