"""Charts as files, made in this process: no browser, and nothing is fetched."""

from __future__ import annotations

import html as escaping
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import vl_convert

from devstack.charts.theme import inks
from devstack.errors import UsageError

__all__ = ["FORMATS", "html", "json_in_script", "png", "save", "svg", "svg_of", "title_of", "told"]

_SCALE: Final = 2.0  # Pixels for each of the chart's: sharp on screens with small ones.


def svg(chart: Any, *, adapts: bool = False) -> str:
    """The chart as an SVG document; one for light pages that `adapts` takes the inks for dark ones where it is dark."""
    text = svg_of(chart.to_dict())
    return text.replace(">", f">{_adapting()}", 1) if adapts else text


def svg_of(spec: dict[str, Any]) -> str:
    """The same of a chart's specification."""
    return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])


def _adapting() -> str:
    light, dark = inks(False), inks(True)
    pairs = ((light.title, dark.title), (light.text, dark.text), (light.line, dark.line))
    rules = "".join(f'[{what}="{old}"]{{{what}:{new}}}' for old, new in pairs for what in ("fill", "stroke"))
    return f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"


def png(chart: Any) -> bytes:
    """The chart as a PNG image, two pixels for one."""
    spec = chart.to_dict()
    # On paper, and not on nothing: vl-convert 1.9 gets the colours of half transparent pixels wrong.
    spec["background"] = spec.get("usermeta", {}).get("paper", "#FFFFFF")
    return vl_convert.vegalite_to_png(spec, scale=_SCALE, allowed_base_urls=[])


def html(chart: Any) -> str:
    """The chart as one page that needs no other file, with what the pointer is on told beside it."""
    spec = chart.to_dict()
    title = escaping.escape(title_of(chart))
    options = json_in_script({"renderer": "svg", "actions": False})
    return _PAGE.format(title=title, library=_library(), spec=json_in_script(spec), options=options)


def title_of(chart: Any) -> str:
    """What the chart says: its title, and the lines below it."""
    return told(chart.to_dict(validate=False))


def told(spec: dict[str, Any]) -> str:
    """The same of its specification."""
    title = spec.get("title", {})
    return ". ".join([title.get("text", "Chart"), *title.get("subtitle", [])])


def json_in_script(value: Any) -> str:
    """JSON that can stand in a page's script: no text in it ends the script or begins a comment."""
    text = json.dumps(value, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def save(chart: Any, path: str | Path) -> Path:
    """Write the chart; the ending of the name says as what: .svg, .png or .html.

    Raises:
        UsageError: another ending, or the file cannot be written.
    """
    target = Path(path)
    make = FORMATS.get(target.suffix.lower())
    if make is None:
        raise UsageError(f"{target.name}: charts are saved as {', '.join(FORMATS)}", 'end the name with ".svg"')
    content = make(chart)
    try:
        if isinstance(content, str):
            target.write_text(content, "utf-8")
        else:
            target.write_bytes(content)
    except OSError as exc:
        raise UsageError(f"cannot write {target}: {exc.strerror}", "name another file") from None
    return target


FORMATS: Final[dict[str, Callable[[Any], str | bytes]]] = {".svg": svg, ".png": png, ".html": html}


@cache
def _library() -> str:
    """Vega and what draws with it, as one script."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline' 'unsafe-eval'; img-src data:">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>:root {{ color-scheme: light dark; }} body {{ margin: 1rem; }}</style>
<script>{library}</script>
</head>
<body>
<div id="chart"></div>
<script>vegaEmbed("#chart", {spec}, {options});</script>
</body>
</html>
"""
