"""The page in a real browser: it shows what happens, obeys mouse and keyboard, and can be read by everybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dashboard.accessibility import focus_order, problems
from tests.dashboard.browser import chromium, wait_for, why_none
from tests.live.stacks import Stack, running

pytestmark = pytest.mark.live

HOSTILE = "<img src=x onerror=\"document.title='owned'\">'\"</td><script>document.title='owned'</script>"
ENTER, END, HOME, ESCAPE, DOWN = "\ue007", "\ue010", "\ue011", "\ue00c", "\ue015"


@pytest.fixture(scope="module")
def browser_stack() -> Iterator[Stack]:
    if reason := why_none():
        # Not every machine has a browser; where CI could install one, its lack is a failure.
        (pytest.fail if os.environ.get("DEVSTACK_REQUIRE_BROWSER") == "1" else pytest.skip)(reason)
    with running("--nodes", "5", "--docker", "off", "--cpu", "4", "--memory", "4gb", "--seed", "1") as stack:
        yield stack


class Page:
    """The dashboard in a browser."""

    def __init__(self, driver: Any, stack: Stack) -> None:
        self.driver, self.stack = driver, stack
        driver.get(stack.url + "/dashboard")
        self.wait(lambda: self.text("link") == "live" and self.rows("node-rows"), "the nodes")

    def wait(self, condition: Any, what: str) -> Any:
        return wait_for(self.driver, lambda _: condition(), what)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def text(self, element_id: str) -> str:
        return str(self.find(f"#{element_id}").text)

    def rows(self, element_id: str) -> list[str]:
        """The texts of the rows that are in the document."""
        script = "return [...document.querySelectorAll(arguments[0])].map((row) => row.innerText)"
        rows: list[str] = self.driver.execute_script(script, f"#{element_id} tbody tr:not(.space)")
        return rows

    def row(self, element_id: str, beginning: str) -> str:
        return next((row for row in self.rows(element_id) if row.startswith(beginning)), "")

    def click_row(self, element_id: str, beginning: str) -> None:
        """The row may be drawn anew at any time: it is looked up and clicked in one step."""
        script = """const rows = [...document.querySelectorAll(arguments[0])];
        const row = rows.find((one) => one.innerText.startsWith(arguments[1])); if (row) row.cells[0].click();
        return Boolean(row)"""
        selector = f"#{element_id} tbody tr:not(.space)"
        self.wait(lambda: self.driver.execute_script(script, selector, beginning), f"a row {beginning}")

    def choose(self, element_id: str, text: str) -> None:
        from selenium.webdriver.support.ui import Select

        Select(self.find(f"#{element_id}")).select_by_visible_text(text)

    def explanation(self) -> str:
        self.wait(lambda: self.driver.find_elements("css selector", "#why .ranks tbody tr"), "the explanation")
        return self.text("why-body")

    def problems(self) -> list[str]:
        """The page's own, and those of its console."""
        return problems(self.driver) + [str(entry) for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def one_page(browser_stack: Stack) -> Iterator[Page]:
    with chromium() as driver:
        yield Page(driver, browser_stack)


@pytest.fixture
def page(one_page: Page) -> Iterator[Page]:
    yield one_page
    one_page.driver.execute_script("document.querySelector('#why').close()")


def job(name: str, count: int = 1, cpu: str = "100m", **params: str) -> dict[str, Any]:
    task = {"Name": "main", "Engine": {"Type": "noop", "Params": params}, "Resources": {"CPU": cpu}}
    return {"Name": name, "Type": "batch", "Count": count, "Tasks": [task]}


def test_nodes_and_jobs_are_shown_as_they_are(page: Page):
    """A job appears by itself, runs, and is over; the totals count along."""
    assert ["node-0", "node-1", "node-2", "node-3", "node-4", "node-5"] == [
        row.split()[0] for row in page.rows("node-rows")
    ]
    job_id = page.stack.submit(job("shown", RunsFor="1h"))
    page.wait(lambda: "Running" in page.row("job-rows", job_id[:10]), "the running job")
    page.wait(lambda: any("0.1 of 4" in row for row in page.rows("node-rows")), "the load")
    page.wait(lambda: any("program started" in row for row in page.rows("happening-rows")), "the event")
    page.stack.call("DELETE", f"/orchestrator/jobs/{job_id}", {"reason": "enough"})
    page.wait(lambda: "Stopped" in page.row("job-rows", job_id[:10]), "the stopped job")


def test_a_hostile_name_is_a_text(page: Page):
    """It is shown to the letter, and nothing of it runs."""
    job_id = page.stack.submit(job(HOSTILE, RunsFor="1s"))
    page.wait(lambda: HOSTILE[:20] in page.row("job-rows", job_id[:10]), "the job")
    page.click_row("job-rows", job_id[:10])
    assert HOSTILE in page.explanation()
    page.find("#why-close").click()
    assert "devstack" == page.driver.title
    assert [] == page.driver.find_elements("css selector", "main img, main script, dialog img, dialog script")


def test_an_example_can_be_submitted(page: Page):
    """By two clicks."""
    page.choose("example", "a task on every node")
    page.find("#submit").click()
    page.wait(lambda: "submitted a task on every node" in page.text("said"), "the word of it")
    page.wait(lambda: any("everywhere" in row for row in page.rows("job-rows")), "the job")


def test_a_node_can_be_crashed_paused_and_healed(page: Page):
    """By its row and the buttons above; the stack's own list of faults agrees."""
    for button, health in (("crash", "off"), ("pause", "paused")):
        page.click_row("node-rows", "node-2")
        page.find(f"#{button}").click()
        page.wait(lambda health=health: health in page.row("node-rows", "node-2"), f"that it is {health}")
        [fault] = page.stack.call("GET", "/devstack/faults")[1]["Faults"]
        assert {button: "node-2"} == fault["Fault"]
        page.wait(lambda: page.find("#heal").is_enabled(), "the button")
        page.find("#heal").click()
        page.wait(lambda: "healthy" in page.row("node-rows", "node-2"), "that it is well again")
    assert [] == page.stack.call("GET", "/devstack/faults")[1]["Faults"]


def test_time_can_be_stopped_and_hastened(page: Page):
    """The clock stands still, then runs."""
    clock = lambda: page.stack.call("GET", "/devstack/clock")[1]  # noqa: E731
    page.find("#stop-time").click()
    page.wait(lambda: page.find("#stop-time").get_attribute("aria-pressed") == "true", "that it stands still")
    assert 0 == clock()["Speed"] and clock() == clock()
    page.find("#stop-time").click()
    page.wait(lambda: clock()["Speed"] == 1, "that it goes on")
    page.choose("speed", "10×")
    page.wait(lambda: clock()["Speed"] == 10, "that it goes faster")
    page.choose("speed", "1×")
    page.wait(lambda: clock()["Speed"] == 1, "that it goes as usual")


def test_the_chart_asks_why_by_mouse_and_keyboard(page: Page):
    """A bar is an execution; its explanation has each node, each rule, and what would have flipped it."""
    page.stack.submit(job("drawn", RunsFor="1h"))
    plot = page.find("#plot")

    def latest_is_selected() -> bool:
        plot.send_keys(END)
        return "drawn on node-" in page.text("plot-now")

    page.wait(latest_is_selected, "the bar")
    node = page.text("plot-now").split(" on ")[1].split(":")[0]
    plot.send_keys(ENTER)
    page.wait(lambda: page.text("why-title") == f"Why is it on {node}?", "the dialog")
    text = page.explanation()
    for part in ("chosen", "would have been chosen with", "previous executions", "available capacity"):
        assert part in " ".join(text.split())
    assert [] == page.problems()
    page.find("body").send_keys(ESCAPE)
    page.wait(lambda: not page.find("#why").is_displayed(), "its end")
    # The mouse: the middle of the bar that was drawn last on that lane.
    found = page.driver.execute_script(
        """const canvas = document.querySelector("#canvas"), box = canvas.getBoundingClientRect();
        for (let y = 4; y < box.height - 24; y += 3) for (let x = box.width - 12; x > 100; x -= 6) {
          const at = { clientX: box.left + x, clientY: box.top + y, bubbles: true };
          canvas.dispatchEvent(new MouseEvent("mousemove", at));
          if (document.querySelector("#plot").title) { canvas.dispatchEvent(new MouseEvent("click", at)); return true; }
        } return false;"""
    )
    assert found and page.explanation()
    page.find("#why-close").click()


def test_tables_are_gone_through_by_keyboard(page: Page):
    """The selection follows, is announced, and Enter opens; Escape leads back to where one was."""
    first, second = (page.stack.submit(job(name)) for name in ("one", "two"))
    for job_id in (first, second):
        page.wait(lambda job_id=job_id: "Completed" in page.row("job-rows", job_id[:10]), "the finished jobs")
    table = page.find("#job-rows table")
    table.send_keys(HOME, DOWN)
    active = page.driver.execute_script(
        "const id = arguments[0].getAttribute('aria-activedescendant'); const row = document.getElementById(id);"
        "return [row.getAttribute('aria-selected'), row.getAttribute('aria-rowindex'), row.cells[0].innerText]",
        table,
    )
    assert ["true", "3"] == active[:2]
    table.send_keys(ENTER)
    page.wait(lambda: page.find("#why").is_displayed(), "the dialog")
    page.explanation()
    page.find("body").send_keys(ESCAPE)
    page.wait(lambda: not page.find("#why").is_displayed(), "its end")
    assert page.driver.execute_script("return document.activeElement === arguments[0]", table)
    nodes = page.find("#node-rows table")
    nodes.send_keys(END)
    assert "node-5:" == page.text("selected-node")


def test_jobs_are_found_by_name(page: Page):
    """As it is typed."""
    for name in ("sought", "other"):
        page.stack.submit(job(name))
    page.wait(lambda: len(page.rows("job-rows")) > 1, "both jobs")
    page.find("#find").send_keys("SOUGHT")
    page.wait(lambda: ["sought"] == [row.split("\t")[1].strip() for row in page.rows("job-rows")], "the one job")
    page.find("#find").clear()
    page.find("#find").send_keys(" ")
    page.wait(lambda: len(page.rows("job-rows")) > 1, "all jobs")
    page.find("#find").clear()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_read_and_reach_it(browser_stack: Stack, width: int, height: int, dark: bool):
    """Names, contrast, no scrolling sideways; Tab goes through all there is to do, and shows where it is."""
    with chromium(width, height, dark=dark, calm=True) as driver:
        page = Page(driver, browser_stack)
        page.click_row("node-rows", "node-3")
        assert [] == page.problems()
        order = focus_order(driver)
        assert [] == [name for name in order if name.startswith("!")]
        wanted = ["stop-time", "speed", "Nodes", "find", "example", "submit", "span", "plot", "hold"]
        assert wanted == [name for name in order if name in wanted]


def test_the_page_comes_back_after_a_break(page: Page):
    """It goes on where it was: what happened meanwhile is shown."""
    page.driver.execute_cdp_cmd("Network.enable", {})
    job_id = page.stack.submit(job("meanwhile", RunsFor="1s"))
    page.driver.refresh()
    page.wait(lambda: page.row("job-rows", job_id[:10]), "the job")
    assert [] == page.problems()


def test_the_check_sees_what_is_wrong(page: Page):
    """A grey text on white, a button without a name, an id that occurs twice."""
    page.driver.execute_script(
        """const header = document.querySelector("header");
        const add = (name, more) => header.append(Object.assign(document.createElement(name), more));
        add("p", { id: "grey", textContent: "grey" });
        document.querySelector("#grey").style.color = "#aaaaaa";
        add("button", { id: "empty" });
        add("p", { id: "said", textContent: "said" });
        document.body.style.minWidth = "5000px";"""
    )
    found = problems(page.driver)
    for beginning in ("contrast", "no name: button", "twice: #said", "the page scrolls"):
        assert any(one.startswith(beginning) for one in found), (beginning, found)
    page.driver.refresh()
