"""The methods of a route: OPTIONS tells them, and others are refused."""

from starlette.types import Scope, Send

from credit_risk_model.service.errors import Refusal

READ = ("GET", "HEAD")
CALL = ("POST",)


async def allowed(scope: Scope, send: Send, methods: tuple[str, ...]) -> bool:
    """Return whether the request has one of these methods; False where it was OPTIONS, which is answered here.

    Raises:
        Refusal: 405 for another method.
    """
    method = scope["method"]
    if method in methods:
        return True
    allow = (b"allow", ", ".join([*methods, "OPTIONS"]).encode())
    if method != "OPTIONS":
        raise Refusal(405, "MethodNotAllowed", [f"{method} is not allowed; use {' or '.join(methods)}."], [allow])
    await send({"type": "http.response.start", "status": 204, "headers": [allow]})
    await send({"type": "http.response.body"})
    return False
