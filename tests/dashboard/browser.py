"""A headless Chromium of Debian, with the driver that comes with it; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# For a machine that is busy with other tests.
LIMIT_S = 90.0


def why_none() -> str:
    """Why no browser can be started; empty if one can."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"there is no {' and no '.join(missing)}: apt-get install chromium chromium-driver" if missing else ""


@contextmanager
def chromium(width: int = 1280, height: int = 800, *, dark: bool = False, calm: bool = False) -> Iterator[Chrome]:
    """A browser whose page has exactly that size, and prefers dark colours or no motion."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    for flag in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"):
        options.add_argument(flag)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's own refuses to be used by root.
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, ChromeService(shutil.which("chromedriver")))
    try:
        driver.set_script_timeout(LIMIT_S)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        yield driver
    finally:
        driver.quit()


def wait_for(driver: Chrome, condition: Callable[[Chrome], Any], what: str) -> Any:
    """The first true answer of `condition`."""
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    waiting = WebDriverWait(driver, LIMIT_S, 0.05, (StaleElementReferenceException,))
    return waiting.until(condition, f"still waiting for {what}")
