"""How often one client may ask: a bucket that fills steadily. Source: http_api reference 1.1, rate limit."""

from __future__ import annotations

from typing import Final

__all__ = ["RateLimit"]

BURST_NS: Final = 1_000_000_000
SPACING_NS: Final = 1_000_000
MOST_CLIENTS: Final = 10_000


class RateLimit:
    """A thousand requests a second, and as many at once, for each address."""

    def __init__(self) -> None:
        # Of each client: the time until which its requests so far last, had they come evenly.
        self._spent_until_ns: dict[str, int] = {}

    def allows(self, client: str, now_ns: int) -> bool:
        """Whether it may ask now; if so, it has."""
        spent_until_ns = max(self._spent_until_ns.get(client, now_ns), now_ns)
        if spent_until_ns - now_ns > BURST_NS - SPACING_NS:
            return False
        if len(self._spent_until_ns) >= MOST_CLIENTS:
            self._spent_until_ns = {name: until for name, until in self._spent_until_ns.items() if until > now_ns}
        self._spent_until_ns[client] = spent_until_ns + SPACING_NS
        return True
