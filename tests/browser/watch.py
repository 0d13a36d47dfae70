"""What pages complain of: console errors, uncaught errors, requests that failed."""

from __future__ import annotations

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Request,
    Response,
    WebError,
)

# Harmless: Debian leaves this file out of Odoo, and the shop's theme asks a font server
# on the internet, which a test has not.
_NOT_PACKAGED = (
    "Could not get content for mail/static/lib/selfie_segmentation/"
    "selfie_segmentation.js"
)
_NO_INTERNET = "Failed to load resource: net::ERR_NAME_NOT_RESOLVED"
# A page that is left takes its requests with it.
_ABORTED = "net::ERR_ABORTED"


class Watch:
    """Listens to contexts of the browser.

    :param origin: of the server, such as ``http://127.0.0.1:8069``
    :ivar problems: what was seen, in words; a test that is not empty has failed
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.problems: list[str] = []

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def take(self) -> list[str]:
        """The problems so far, for a test that causes them on purpose."""
        taken, self.problems = self.problems, []
        return taken

    def _is_own(self, url: str) -> bool:
        return url.startswith(f"{self.origin}/")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        where = message.location.get("url", "")
        if _NOT_PACKAGED in message.text:
            return
        if message.text == _NO_INTERNET and not self._is_own(where):
            return
        self.problems.append(f"console: {message.text} ({where})")

    def _error(self, error: WebError) -> None:
        self.problems.append(f"uncaught: {error.error}")

    def _failed(self, request: Request) -> None:
        if self._is_own(request.url) and request.failure != _ABORTED:
            self.problems.append(f"request: {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if self._is_own(response.url) and response.status >= 400:
            self.problems.append(f"request: {response.url}: {response.status}")
