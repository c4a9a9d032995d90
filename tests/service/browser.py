"""A headless Chromium, driven through the standard WebDriver protocol (W3C) that its `chromedriver` speaks."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import until

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = "needs Chromium with its driver: on Debian, 'apt install chromium chromium-driver'"
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id in the protocol
_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",  # the tests may run as root, in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no name has an address: the network is cut
]


class Browser:
    """One window."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def _post(self, command: str, **content: Any) -> Any:
        answer = self._client.post(command, json=content)
        assert answer.is_success, answer.text
        return answer.json()["value"]

    def open(self, url: httpx.URL | str) -> None:
        self._post("url", url=str(url))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript as the body of a function, and return what it returns."""
        return self._post("execute/sync", script=script, args=arguments)

    def text(self, selector: str) -> str:
        """Return the visible text of the first element that a CSS selector matches, or nothing if none matches."""
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def count(self, selector: str) -> int:
        return int(self.run("return document.querySelectorAll(arguments[0]).length", selector))

    def click(self, selector: str) -> None:
        self._post(f"element/{self._find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        """Replace what a field has."""
        found = self._find(selector)
        self._post(f"element/{found}/clear")
        self._post(f"element/{found}/value", text=text)

    def press(self, keys: str) -> None:
        """Press keys of the keyboard, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._post("actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def errors(self) -> list[str]:
        """Return the errors of the console since the last time that this was asked."""
        entries = self._post("se/log", type="browser")
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def requested(self) -> list[str]:
        """Return the addresses that the pages asked for since the last time that this was asked."""
        events = [json.loads(entry["message"])["message"] for entry in self._post("se/log", type="performance")]
        return [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]

    def emulate(self, scheme: str, width: int, height: int) -> None:
        """Prefer the colour scheme `light` or `dark`, in a window of this size in pixels."""
        self._devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", **size)

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        picture = self._devtools("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def _devtools(self, command: str, **parameters: Any) -> Any:
        return self._post("goog/cdp/execute", cmd=command, params=parameters)

    def _find(self, selector: str) -> str:
        return str(self._post("element", using="css selector", value=selector)[_ELEMENT])


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start a browser; yield its window; end it."""
    assert CHROMIUM, MISSING
    assert DRIVER, MISSING
    log = folder / "driver.log"
    with log.open("w") as output:
        driver = subprocess.Popen([DRIVER, "--port=0"], stdout=output, stderr=subprocess.STDOUT, env=os.environ)
    try:
        found = until(lambda: re.search(r"successfully on port (\d+)", log.read_text()), "the driver listens")
        options = {"binary": CHROMIUM, "args": [*_ARGUMENTS, f"--user-data-dir={folder / 'profile'}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        address = f"http://127.0.0.1:{found[1]}/session"
        answer = httpx.post(address, json={"capabilities": {"alwaysMatch": wanted}}, timeout=120)
        assert answer.is_success, answer.text
        session = f"{address}/{answer.json()['value']['sessionId']}"
        try:
            with httpx.Client(base_url=session, timeout=120) as client:
                yield Browser(client)
        finally:
            httpx.delete(session, timeout=120)  # ends the browser
    finally:
        driver.terminate()
        driver.wait(timeout=30)
