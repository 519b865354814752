"""How the dashboard does with very many nodes and jobs: `python -m tests.dashboard.measure [NODES JOBS]`.

Frames are measured in Chromium while jobs come and end, tables scroll and the explanation is asked for; the cost of an
idle page is the CPU time of the stack's process with the page and without it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.dashboard.browser import chromium, wait_for
from tests.live.stacks import Stack, running

SCROLL = "for (const one of document.querySelectorAll('.rows, .plot')) one.scrollTop = Math.random() * one.scrollHeight"
told: dict[str, float] = {}
BUSY_S, IDLE_S = 20.0, 30.0
RECORD = """
window.frames_ms = []; window.tasks_ms = [];
let last = performance.now();
const step = (now) => { frames_ms.push(now - last); last = now; requestAnimationFrame(step); };
requestAnimationFrame((now) => { last = now; requestAnimationFrame(step); });
new PerformanceObserver((list) => list.getEntries().forEach((one) => tasks_ms.push(one.duration)))
  .observe({ entryTypes: ["longtask"] });
"""


def main(nodes: int = 500, jobs: int = 5_000) -> None:
    with running("--nodes", str(nodes), "--docker", "off", "--cpu", "4", "--memory", "8gb") as stack:
        without = cpu_share(stack)
        for number in range(jobs - 500):
            submit(stack, number)
        with chromium() as driver:
            began = time.monotonic()
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": RECORD})
            driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
            driver.get(stack.url + "/dashboard")
            wait_for(driver, lambda driver: total(driver, "jobs") >= jobs - 500, "the jobs")
            print(f"all {jobs - 500} jobs on the page after {time.monotonic() - began:.1f} s")
            tell(driver, "while it fills")
            busy(driver, stack, jobs)
            tell(driver, "500 jobs more while tables scroll")
            ask_why(driver)
            tell(driver, "an explanation asked for and read")
            stack.call("PUT", "/devstack/clock", {"Speed": 100})
            stack.wait(lambda: total(driver, "running") == 0, "the end of the jobs")
            stack.call("PUT", "/devstack/clock", {"Speed": 1})
            time.sleep(5)
            with_page = cpu_share(stack)
            tell(driver, "idle")
        after = cpu_share(stack)
        print(f"the stack idle: {without:.2%} of a CPU before, {with_page:.2%} with a page, {after:.2%} after it")


def submit(stack: Stack, number: int) -> None:
    task = {"Name": "main", "Engine": {"Type": "noop", "Params": {"RunsFor": f"{5 + number % 300}s"}}}
    stack.submit({"Name": f"job {number}", "Type": "batch", "Count": 1, "Tasks": [task]})


def busy(driver: Chrome, stack: Stack, jobs: int) -> None:
    end = time.monotonic() + BUSY_S
    number = jobs - 500
    while number < jobs or time.monotonic() < end:
        for _ in range(25):
            if number < jobs:
                submit(stack, number)
                number += 1
        driver.execute_script(SCROLL)


def ask_why(driver: Chrome) -> None:
    driver.find_element(By.CSS_SELECTOR, "#job-rows table").send_keys("\ue011", "\ue007")  # Home, Enter: the newest
    wait_for(driver, lambda driver: driver.find_elements(By.CLASS_NAME, "ranks"), "the explanation")
    driver.find_element(By.ID, "why-close").click()


def tell(driver: Chrome, what: str) -> None:
    frames, tasks = driver.execute_script(
        "const all = [frames_ms, tasks_ms]; frames_ms = []; tasks_ms = []; return all"
    )
    frames.sort()
    metrics = {one["name"]: one["value"] for one in driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
    own_ms = (metrics["TaskDuration"] - told.get("s", 0)) * 1000
    told["s"] = metrics["TaskDuration"]
    print(
        f"{what}: {len(frames)} frames, half under {at(frames, 0.5):.0f} ms, 99 % under {at(frames, 0.99):.0f} ms, "
        f"longest {at(frames, 1):.0f} ms; longest task {max(tasks, default=0):.0f} ms; "
        f"the page's own CPU time {own_ms / max(1, len(frames)):.1f} ms a frame"
    )


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0


def total(driver: Chrome, name: str) -> int:
    text: Any = driver.find_element(By.ID, f"total-{name}").text
    return int(text.replace(",", "") or 0)


def cpu_share(stack: Stack) -> float:
    """Of one CPU, over a while."""
    before, began = cpu_s(stack.process.pid), time.monotonic()
    time.sleep(IDLE_S)
    return (cpu_s(stack.process.pid) - before) / (time.monotonic() - began)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
