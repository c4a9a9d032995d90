"""The predictions of one model: so many run at once, so many wait, and the next one is refused."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ml_base import MLModel
from ml_base.ml_model import MLModelSchemaValidationException
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from credit_risk_model.service import body
from credit_risk_model.service.answers import RETRY_AFTER, Refusal, answer
from credit_risk_model.service.configuration import Limits, dotted
from credit_risk_model.service.threads import Threads


class Predictions:
    """The endpoint of a model, as ASGI.

    The event loop reads and answers; all the rest is done by at most `limits.running` threads, so that no model,
    however slow, and no body, however long, keeps a probe waiting.
    """

    def __init__(self, model: MLModel, limits: Limits, turns: asyncio.Semaphore) -> None:
        self.model_name = model.qualified_name
        self._model = model
        self._limits = limits
        self._turns = turns
        self._threads = Threads(limits.running, model.qualified_name)
        self._count = 0

    @property
    def running(self) -> int:
        """The number of predictions that have a thread."""
        return min(self._count, self._limits.running)

    @property
    def waiting(self) -> int:
        """The number of predictions that wait for a thread."""
        return self._count - self.running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            Refusal: the method, the body or a field is wrong, or too many predictions wait.
        """
        if scope["method"] != "POST":
            message = f"{scope['method']} is not allowed here, POST is."
            raise Refusal(405, "MethodNotAllowed", [message], [(b"allow", b"POST")])
        try:
            with self._accepted():
                await self._take_turn()
            content = await body.read(scope, receive, self._limits.body_limit)
            with self._accepted():
                result = await self._threads.run(self._predict, content)
        except Refusal as refusal:
            if refusal.status == 503:
                await self._take_turn()  # clients that try again at once must not crowd out the others
            raise
        await answer(send, 200, result)

    async def _take_turn(self) -> None:
        async with self._turns:
            await asyncio.sleep(0)  # lasts for one pass of the event loop

    @contextmanager
    def _accepted(self) -> Iterator[None]:
        """Count this request among those that run or wait; whose body is still to come is not among them."""
        if self._count >= self._limits.running + self._limits.waiting:
            raise Refusal(503, "Overloaded", ["Too many predictions are waiting; try again."], [RETRY_AFTER])
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1

    def _predict(self, content: bytes) -> bytes:
        try:
            data = self._model.input_schema.model_validate(body.parse(content))
        except ValidationError as error:
            raise Refusal(400, "ValidationError", _messages(error)) from error
        try:
            result: bytes = self._model.predict(data).model_dump_json().encode()
        except MLModelSchemaValidationException as error:
            raise Refusal(400, "SchemaValidationError", [str(error)]) from error
        return result


def _messages(error: ValidationError) -> list[str]:
    """Return a message for each wrong field, which starts with its path, as in `loans[3].term`."""
    messages = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        words = "Input should be an object" if problem["type"] == "model_type" else problem["msg"]
        messages.append(f"{dotted(problem['loc']) or 'body'}: {words}")
    return messages
