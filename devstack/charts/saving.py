"""Charts as files, made in this process: no browser, and nothing is fetched."""

from __future__ import annotations

import html as escaping
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import vl_convert

from devstack.errors import UsageError

__all__ = ["FORMATS", "html", "json_in_script", "png", "save", "svg"]

_SCALE: Final = 2.0  # Pixels for each of the chart's: sharp on screens with small ones.


def svg(chart: Any) -> str:
    """The chart as an SVG document."""
    return vl_convert.vegalite_to_svg(chart.to_dict(), allowed_base_urls=[])


def png(chart: Any) -> bytes:
    """The chart as a PNG image, two pixels for one."""
    spec = chart.to_dict()
    # On paper, and not on nothing: vl-convert 1.9 gets the colours of half transparent pixels wrong.
    spec["background"] = spec.get("usermeta", {}).get("paper", "#FFFFFF")
    return vl_convert.vegalite_to_png(spec, scale=_SCALE, allowed_base_urls=[])


def html(chart: Any) -> str:
    """The chart as one page that needs no other file, with what the pointer is on told beside it."""
    spec = chart.to_dict()
    title = escaping.escape(str(spec.get("title", {}).get("text", "Chart")))
    options = json_in_script({"renderer": "svg", "actions": False})
    return _PAGE.format(title=title, library=_library(), spec=json_in_script(spec), options=options)


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
    return vl_convert.javascript_bundle()


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
