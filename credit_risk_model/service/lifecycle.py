"""The state of the service: the framework knows of loading, ready and failed, and here draining joins them."""

from enum import StrEnum

from rest_model_service.schemas import HealthStatus, ReadinessStatus
from rest_model_service.status_manager import StatusManager

from credit_risk_model.service.answers import RETRY_AFTER, Refusal


class State(StrEnum):
    """What the service can be in."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "load failed"
    DRAINING = "draining"


class Lifecycle:
    """What the probes answer, and whether there are predictions."""

    def __init__(self) -> None:
        self._draining = False

    @property
    def state(self) -> State:
        """The state now."""
        status = StatusManager()
        if self._draining:
            return State.DRAINING
        if status.get_health_status() == HealthStatus.NOT_HEALTHY:
            return State.FAILED
        return State.READY if status.get_readiness_status() == ReadinessStatus.ACCEPTING_TRAFFIC else State.LOADING

    def drain(self) -> bool:
        """Turn readiness; return False where it never was, so that there is nothing to drain."""
        if self.state is State.READY:
            self._draining = True
            StatusManager().set_readiness_status(ReadinessStatus.REFUSING_TRAFFIC)
        return self._draining

    def refuse_without_models(self) -> None:
        """Raise a `Refusal` unless all models are there."""
        if self.state is State.LOADING:
            raise Refusal(503, "NotReady", ["The models are still being loaded; try again."], [RETRY_AFTER])
        if self.state is State.FAILED:
            raise Refusal(503, "LoadFailed", ["The models could not be loaded; the log tells why."])
