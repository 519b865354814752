"""How charts show themselves in notebooks: as pictures, which need no script and no other host.

Altair's own way fetches its library from the network whenever the page is looked at. Charts of others keep it.
"""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from devstack.charts import saving

__all__ = ["show_as_pictures"]

_NAME: Final = "devstack"
_USUAL: Final = "default"


def show_as_pictures() -> None:
    """From now on; who has chosen another way (`altair.renderers.enable(...)`) keeps that."""
    usual = alt.renderers.get()
    if usual is not None and alt.renderers.active == _USUAL:

        def shown(spec: dict[str, Any], **options: Any) -> Any:
            return _picture(spec) if "paper" in spec.get("usermeta", {}) else usual(spec, **options)

        alt.renderers.register(_NAME, shown)
        alt.renderers.enable(_NAME)


def _picture(spec: dict[str, Any]) -> dict[str, str]:
    return {"image/svg+xml": saving.svg_of(spec), "text/plain": saving.told(spec)}
