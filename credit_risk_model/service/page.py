"""An answer that never changes, kept as a whole."""

from dataclasses import dataclass

from starlette.types import Scope, Send

from credit_risk_model.service.responses import Header, respond


class FrameworkError(Exception):
    """The framework answered 500; the message is its body, which no client sees."""


@dataclass(frozen=True)
class Page:
    """A whole answer."""

    status: int
    body: bytes
    kind: bytes
    """The content type."""
    headers: tuple[Header, ...] = ()
    quiet: bool = False
    """Whether the access log and the metrics leave the request out."""

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer with this page.

        Raises:
            FrameworkError: the framework could not make the page.
        """
        if self.status == 500:
            raise FrameworkError(self.body.decode())
        if self.quiet:
            scope["state"]["quiet"] = True
        await respond(send, self.status, self.body, self.headers, self.kind)
