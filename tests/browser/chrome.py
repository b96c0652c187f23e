"""A headless Chromium without a network, and what it has to say: console, requests, downloads, accessibility."""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from axe_core_python.selenium import Axe
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

DESKTOP, PHONE = (1280, 900), (390, 844)

_SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_LOCAL = ("file:", "data:", "blob:", "about:", "chrome:", "chrome-error:")
_SERIOUS = ("serious", "critical")
_PATIENCE_S = 20.0


def missing() -> str | None:
    """What a machine lacks for these tests, or None."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"{program} is not installed: tests/browser/install.sh installs Debian's"
    return None


@contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """Start a browser that reaches no network and keeps its profile in `folder`."""
    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for switch in (*_SWITCHES, f"--user-data-dir={folder}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.set_page_load_timeout(60)
        driver.set_script_timeout(60)
        yield driver
    finally:
        driver.quit()


class Viewer:
    """One person looking at one page after the other.

    Attributes
    ----------
    driver : selenium.webdriver.Chrome
        The browser.
    downloads : Path
        Where downloaded files arrive.
    """

    def __init__(self, driver: webdriver.Chrome, downloads: Path, screenshots: Path) -> None:
        self.driver = driver
        self.downloads = downloads
        self._screenshots = screenshots
        self._allow_no_network()
        self._cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        self.size(DESKTOP)
        self.media()
        self.complaints()  # of pages before this one

    def _cdp(self, command: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, arguments)

    def _allow_no_network(self) -> None:
        self._cdp("Network.enable")
        self._cdp("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)

    # -- looking --------------------------------------------------------------------------------------------

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file as a person does who double-clicks it; nothing is remembered of earlier pages."""
        assert path.exists(), path
        url = path.resolve().as_uri() + fragment
        self.driver.get("about:blank")
        self._cdp("Storage.clearDataForOrigin", origin="file://", storageTypes="all")
        self.driver.get(url)

    def size(self, size: tuple[int, int]) -> None:
        """Look at it on a screen of so many CSS pixels; the phone's also has touch."""
        self._width = size[0]
        phone = size == PHONE
        self._cdp(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self._cdp("Emulation.setTouchEmulationEnabled", enabled=phone)

    def media(self, *, dark: bool = False, printed: bool = False) -> None:
        """Say what the system prefers, and whether the page is to be printed."""
        self._cdp(
            "Emulation.setEmulatedMedia",
            media="print" if printed else "",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    @contextmanager
    def without_scripts(self) -> Iterator[None]:
        """Look with JavaScript switched off."""
        self._cdp("Emulation.setScriptExecutionDisabled", value=True)
        try:
            yield
        finally:
            self._cdp("Emulation.setScriptExecutionDisabled", value=False)

    def screenshot(self, name: str, *, whole: bool = True) -> Path:
        """Keep a picture of the page, or of the part in sight, as CI artefact."""
        self._screenshots.mkdir(parents=True, exist_ok=True)
        picture = self._cdp("Page.captureScreenshot", captureBeyondViewport=whole, format="png", **self._clip(whole))
        path = self._screenshots / f"{name}.png"
        path.write_bytes(base64.b64decode(picture["data"]))
        return path

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        page = self._cdp("Page.getLayoutMetrics")["cssContentSize"]
        # Chromium's pictures end at 16,384 pixels; a phone has two of them to one of CSS.
        height = min(page["height"], 8000)
        return {"clip": {"x": 0, "y": 0, "width": page["width"], "height": height, "scale": 1}}

    def pdf(self) -> bytes:
        """Print the page to PDF."""
        return base64.b64decode(self._cdp("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])

    # -- doing ----------------------------------------------------------------------------------------------

    def all(self, selector: str) -> list[WebElement]:
        """Find all elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Find the first element of a CSS selector, which must be there."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Return what an element says, whether it is in sight or not."""
        return " ".join(str(self.run("return document.querySelector(arguments[0]).textContent", selector)).split())

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page."""
        return self.driver.execute_script(script, *arguments)

    def click(self, selector: str) -> None:
        """Scroll to an element and click it where a finger or a pointer would."""
        element = self.one(selector)
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    def hover(self, element: WebElement) -> None:
        """Move the pointer onto an element."""
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        ActionChains(self.driver, duration=50).move_to_element(element).perform()

    def tooltip(self) -> str:
        """Wait for a chart's tooltip, and return what it says: a line a figure, name and value apart by a tab."""
        script = "return document.querySelector('#vg-tooltip-element.visible')?.innerText"
        return str(self.wait(lambda: self.run(script), "a tooltip"))

    def press(self, *keys: str) -> None:
        """Press keys, such as ``"TAB"``, ``"ENTER"``, or type text, wherever the focus is."""
        actions = ActionChains(self.driver, duration=10)
        for key in keys:
            actions.send_keys(getattr(Keys, key, key))
        actions.perform()

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until a condition holds, and return what it returned; it may look at what the page is redrawing."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            with suppress(StaleElementReferenceException):
                if found := condition():
                    return found
            assert time.monotonic() < deadline, f"in vain waited for: {what}"
            time.sleep(0.05)

    def download(self, selector: str) -> bytes:
        """Click what downloads a file, and return the file."""
        before = set(self.downloads.iterdir())
        self.click(selector)

        def arrived() -> list[Path]:
            return [path for path in set(self.downloads.iterdir()) - before if path.suffix != ".crdownload"]

        (path,) = self.wait(arrived, f"the download of {selector}")
        data = path.read_bytes()
        path.unlink()
        return data

    # -- judging --------------------------------------------------------------------------------------------

    def complaints(self) -> list[str]:
        """Errors on the console, and requests that leave the machine, since the last call."""
        found = [
            f"console: {entry['message']}" for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"
        ]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
            elif message["method"] == "Network.webSocketCreated":
                url = message["params"]["url"]
            else:
                continue
            if not url.startswith(_LOCAL):
                found.append(f"request: {url[:200]}")
        return found

    def too_wide(self) -> int:
        """By how many CSS pixels the page is wider than the screen, which it must scroll or shrink to."""
        return max(0, int(self.run("return document.scrollingElement.scrollWidth")) - self._width)

    def inaccessible(self, exclude: Sequence[str] = ()) -> list[str]:
        """Serious and critical findings of axe, in one line each."""
        context = {"exclude": [[selector] for selector in exclude]} if exclude else None
        result = Axe().run(self.driver, context=context, options={"resultTypes": ["violations"]})
        return [
            f"{finding['id']} ({finding['impact']}): {node['target']}: {node['html'][:160]}"
            for finding in result["violations"]
            if finding["impact"] in _SERIOUS
            for node in finding["nodes"]
        ]

    def judge_accessibility(self, name: str) -> None:
        """Let axe look at the page in light, dark and on a phone; fail with all that it finds, and keep pictures."""
        found = []
        for look, size, dark in (("light", DESKTOP, False), ("dark", DESKTOP, True), ("phone", PHONE, False)):
            self.size(size)
            self.media(dark=dark)
            self.settle()
            found += [f"{look}: {finding}" for finding in self.inaccessible()]
            self.screenshot(f"{name}-{look}")
        self.size(DESKTOP)
        self.media()
        assert not found, "\n".join(found)

    def settle(self) -> None:
        """Wait until the page has been drawn and its transitions have ended."""
        self.driver.execute_async_script(
            """const done = arguments[arguments.length - 1];
            const still = () => document.getAnimations().every(a => a.playState !== 'running');
            let left = 100;
            const look = () => (still() || --left < 0) ? setTimeout(done, 60) : setTimeout(look, 30);
            requestAnimationFrame(() => requestAnimationFrame(look));"""
        )


def screenshots_folder(root: Path) -> Path:
    """Where pictures go: where CI keeps artefacts, or ``out/screenshots`` of the repository."""
    return Path(os.environ.get("CI_ARTIFACTS") or root / "out" / "screenshots")
