"""A small check of a page: what has no name, what can hardly be read, and where the keyboard goes.

It runs in the browser and gives back sentences; none of them means that all is well. The rules are WCAG 2.1's: names
(4.1.2), contrast of text (1.4.3: 4.5 to 1, 3 to 1 for large text), labels that are unique, and a visible focus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

__all__ = ["focus_order", "problems"]

_CHECK = r"""
const found = [];
const shown = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  && node.getClientRects().length > 0 && !node.closest("[aria-hidden=true]");
const said = (node) =>
  `${node.tagName.toLowerCase()}${node.id ? "#" + node.id : ""} ${node.textContent.trim().slice(0, 30)}`;
const byIds = (node, name) => (node.getAttribute(name) ?? "").split(/\s+/).filter(Boolean)
  .map((id) => document.getElementById(id)?.textContent.trim() ?? "").join(" ");

function nameOf(node) {
  const label = node.labels?.length ? [...node.labels].map((one) => one.textContent.trim()).join(" ") : "";
  const own = node.matches("button, a, [role=button]") ? node.textContent.trim() : "";
  return node.getAttribute("aria-label") || byIds(node, "aria-labelledby") || label || own;
}

const named = "button, a[href], input, select, textarea, dialog, main > section, [tabindex='0'], [role=grid], "
  + "[role=group]";
for (const node of document.querySelectorAll(named)) {
  if (shown(node) && !nameOf(node)) found.push(`no name: ${said(node)}`);
}

// Any notation of a colour becomes red, green, blue and opacity by being drawn.
const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
function rgba(text) {
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = text;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}
const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3]));
const light = (colour) => colour.map((part) => part / 255)
  .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
function behind(node) {
  const layers = [];
  for (let at = node; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
}
function ratio(one, other) {
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

for (const node of document.querySelectorAll("body *")) {
  const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  if (!hasText || !shown(node) || node.disabled || node.matches("option, script, noscript *")) continue;
  const style = getComputedStyle(node);
  const back = behind(node);
  const backs = [back];
  const bar = style.getPropertyValue("--fill").trim();
  if (node.matches("td.load") && bar) backs.push(rgba(bar).slice(0, 3));
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.7 && style.fontWeight >= 700);
  for (const one of backs) {
    const contrast = ratio(over(rgba(style.color), one), one);
    if (contrast < (large ? 3 : 4.5)) found.push(`contrast ${contrast.toFixed(2)}: ${said(node)}`);
  }
}

const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) found.push(`twice: #${id}`);
for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-activedescendant]")) {
  for (const name of ["aria-labelledby", "aria-describedby", "aria-activedescendant"]) {
    for (const id of (node.getAttribute(name) ?? "").split(/\s+/).filter(Boolean)) {
      if (!document.getElementById(id)) found.push(`leads nowhere: ${name}=${id}`);
    }
  }
}
if (!document.documentElement.lang) found.push("the page has no language");
if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
return found;
"""

_FOCUSED = """
const node = document.activeElement;
const style = getComputedStyle(node);
const box = node.getBoundingClientRect();
return [node.id || node.getAttribute("aria-label") || node.className || node.tagName,
        style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
        box.top < innerHeight && box.bottom > 0];
"""


def problems(driver: Chrome) -> list[str]:
    """What is wrong with the page as it is shown now."""
    found: list[str] = driver.execute_script(_CHECK)
    return found


def focus_order(driver: Chrome, most: int = 60) -> list[str]:
    """Where Tab goes, until it comes round; what does not show that it has the focus is marked with `!`."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    driver.execute_script("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    order: list[str] = []
    for _ in range(most):
        ActionChains(driver).send_keys(Keys.TAB).perform()
        name, has_outline, is_in_view = driver.execute_script(_FOCUSED)
        if name == "BODY" or name in order:
            break
        order.append(name if has_outline and is_in_view else f"!{name}")
    return order
