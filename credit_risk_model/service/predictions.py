"""The endpoint of one model: the admission limit, the deadline, and the detection of stalled predictions."""

import logging
import math
import sys
import time
import traceback
from collections.abc import Sequence

from ml_base import MLModel
from ml_base.ml_model import MLModelSchemaValidationException
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from credit_risk_model.service import body, errors
from credit_risk_model.service.configuration import dotted
from credit_risk_model.service.errors import Refusal
from credit_risk_model.service.model_metrics import Observer
from credit_risk_model.service.output import Output, OutputError
from credit_risk_model.service.responses import RETRY_AFTER, respond
from credit_risk_model.service.settings import Limits
from credit_risk_model.service.throttle import Throttle
from credit_risk_model.service.workers import Job, Workers

logger = logging.getLogger(__name__)
_CHARACTERS = 300  # of the message of an exception that is repeated in the last line of its traceback
_ANSWERS = 4  # predictions of one model that are answered in one pass of the event loop


class ModelError(Exception):
    """A model raised an exception; it is the cause of this one."""


class Predictions:
    """The endpoint of a model, as ASGI.

    The event loop reads the request and sends the answer. Threads do the rest, so that no model, however slow, and no
    body, however long, delays a probe.
    """

    def __init__(self, model: MLModel, limits: Limits, observers: Sequence[Observer] = ()) -> None:
        """If the model has a method `observations`, `observers` get what it returns for each answer."""
        self.model_name: str = model.qualified_name
        self._limits = limits
        self._validate = model.input_schema.model_validate  # a decorated model builds its schema on every access
        self._output = Output(model.output_schema)
        self._model = model
        self._observers = observers if hasattr(model, "observations") else ()
        self._stalled = 0
        self._answers = Throttle(_ANSWERS)
        self._workers = Workers(limits.running, self.model_name, self._predict)

    @property
    def running(self) -> int:
        return sum(job.started is not None for job in list(self._workers.jobs))

    @property
    def waiting(self) -> int:
        return sum(job.started is None for job in list(self._workers.jobs))

    @property
    def is_saturated(self) -> bool:
        """Whether the next prediction is refused."""
        return len(self._workers.jobs) >= self._limits.running + self._limits.waiting

    @property
    def is_stalled(self) -> bool:
        """Whether at least one prediction has run for more than `stall_seconds`."""
        return self._stalled > 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._admit()
        content = await body.read(scope, receive, self._limits.body_limit)
        self._admit()
        state = scope["state"]
        job = state["job"] = Job(content, state.get("client_left", lambda: False))
        try:
            result = await self._workers.run(job)
        finally:
            await self._answers.wait()
        await respond(send, 200, result)

    def _admit(self) -> None:
        if self._stalled >= self._limits.running:
            raise errors.overloaded("All threads of the model are stalled; retry.")
        if self.is_saturated:
            raise errors.overloaded("Too many predictions are waiting; retry.")

    def check(self) -> None:
        """Drop expired and abandoned predictions, and count stalled ones; each of these is logged once."""
        for job in list(self._workers.jobs):
            if not job.future.done() and (refusal := self._refusal(job)):
                self._workers.drop(job, refusal)
        now = time.monotonic()
        limit = self._limits.stall_seconds or math.inf
        stalled = [job for job in self._workers.jobs if job.started is not None and now - job.started > limit]
        self._stalled = len(stalled)
        for job in stalled:
            if not job.reported:
                job.reported = True
                self._log_stall(job)

    def _refusal(self, job: Job) -> Refusal | None:
        """Return why a job is dropped, or not started: its client has left, or its deadline has passed."""
        if job.client_left():
            return Refusal(errors.CLIENT_LEFT, "ClientLeft", ["The client closed its connection."])
        seconds = self._limits.answer_seconds
        if seconds and time.monotonic() - job.admitted > seconds:
            message = f"There was no answer within {seconds:g} s; retry."
            return Refusal(503, "DeadlineExceeded", [message], [RETRY_AFTER])
        return None

    def _log_stall(self, job: Job) -> None:
        frame = sys._current_frames().get(job.thread)
        stack = "".join(traceback.format_stack(frame)) if frame else "unknown"
        job.context.copy().run(  # it has the id of the request
            logger.error,
            "A prediction of %s has run for more than %g s; its thread is here:\n%s",
            self.model_name,
            self._limits.stall_seconds,
            stack,
        )

    def _predict(self, job: Job) -> bytes:
        if refusal := self._refusal(job):
            raise refusal
        data = body.parse(job.content, self._limits.value_limit)
        try:
            try:
                valid = self._validate(data)
            except ValidationError as error:
                raise _invalid(error) from error
            answer, result = self._output.encode(self._model.predict(valid))
        except (Refusal, OutputError):
            raise
        except MLModelSchemaValidationException as error:
            raise Refusal(400, "SchemaValidationError", [str(error)]) from error
        except BaseException as error:  # a model may raise SystemExit, StopIteration or CancelledError
            raise ModelError(f"{self.model_name} raised {_shown(error)}") from error
        if self._observers:
            self._observe(valid, answer)
        return result

    def _observe(self, data: BaseModel, answer: BaseModel) -> None:
        try:
            observation = self._model.observations(data, answer)
            for observer in self._observers if observation else ():
                observer(observation)
        except BaseException:  # as above; the prediction is right nevertheless
            logger.exception("An answer of %s is missing in the metrics or the prediction log.", self.model_name)


def _invalid(error: ValidationError) -> Refusal:
    """Return a message for each wrong field, which starts with its path, as in `loans[3].term`."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    messages = []
    for problem in problems[: errors.MOST_MESSAGES]:
        words = "Input should be an object" if problem["type"] == "model_type" else problem["msg"]
        messages.append(f"{dotted(problem['loc']) or 'body'}: {words}")
    return Refusal(400, "ValidationError", messages, more=len(problems) - len(messages))


def _shown(error: BaseException) -> str:
    """Return the type and the message of an exception, even of one that cannot be printed, in one line for the log."""
    line = " ".join("".join(traceback.format_exception_only(error)).split())[:_CHARACTERS]
    return "".join(character if character.isprintable() else "?" for character in line)
