"""A cluster in YAML: what stands under `cluster` in a scenario, or in a file of its own for `up --cluster`.

seed: 7
behaviour: [v1.4.0]
regions: {eu-west: 5ms, us-east: 45ms}      # how far each is from the requester, one way
all_nodes: {publishers: [local]}            # what holds for every node that says nothing else
nodes:                                      # a number, or groups of like nodes: node-1, node-2 and on
  - {count: 3, cpu: 4, memory: 16gb, region: eu-west}
  - {cpu: 16, memory: 64gb, gpu: 2, region: us-east, labels: {tier: gpu}}
shapes: {node-2: {accept_networked: true}}  # exceptions, by the node's id
requester: {default_total_timeout: 30m}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from devstack.behaviour import parse
from devstack.cluster import SIMULATED_CAPACITY, simulated_nodes
from devstack.compute.config import check_limits
from devstack.errors import UsageError
from devstack.models.resources import Resources
from devstack.scenario.setting_values import read_duration, read_text
from devstack.scenario.settings import NODE_WORDS, read_requester, read_shape, shaped
from devstack.scenario.yaml_text import Items, Page, Table, at_line, empty, is_number

__all__ = ["MOST_NODES", "Description", "describe", "read_cluster"]

MOST_NODES: Final = 100_000
_KEYS: Final = ("nodes", "seed", "behaviour", "regions", "all_nodes", "shapes", "requester")
_NODE_KEYS: Final = ("cpu", "memory", "disk", "gpu", "region", *NODE_WORDS)


@attrs.frozen
class Description:
    """A cluster: as the file has it, by node, and as settings of `ComputeConfig` and `RequesterConfig`."""

    nodes: int = 3
    seed: int | None = None
    behaviour: tuple[str, ...] = ()
    shapes: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    requester: Mapping[str, Any] = attrs.field(factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    requester_settings: Mapping[str, Any] = attrs.field(factory=dict)


def read_cluster(path: Path, capacity: Resources = SIMULATED_CAPACITY) -> Description:
    """The cluster of a file that is a description, or has one under `cluster`.

    Args:
        capacity: What nodes have of the resources that the file does not mention.

    Raises:
        UsageError: a mistake, with its line.
    """
    page = Page(path)
    content = page.content
    if not isinstance(content, Table) or not content:
        raise at_line(path, 1, "a cluster was to be here", "such as `nodes: [{count: 3, cpu: 4, memory: 16gb}]`")
    if "cluster" not in content:
        return describe(page, content, capacity)
    outside = next((key for key in content if key in _KEYS), None)
    if outside is not None:
        raise page.error(content, outside, f"{outside} stands outside of cluster", "move it below `cluster`")
    return describe(page, content["cluster"], capacity)


def describe(page: Page, content: Any, capacity: Resources = SIMULATED_CAPACITY) -> Description:
    """The cluster that a part of a file describes. Raises UsageError."""
    return _Describer(page, content, capacity).description()


class _Describer:
    def __init__(self, page: Page, content: Any, capacity: Resources) -> None:
        self._page, self._capacity = page, capacity
        self._top = page.table(content, 1, "cluster", _KEYS)
        self._regions = self._read_regions()
        self._common = self._node_table("all_nodes")

    def description(self) -> Description:
        top, page = self._top, self._page
        words = _texts(top.get("behaviour"))
        if words:
            page.checked(top, "behaviour", lambda _: parse(words))
        shapes: dict[str, Table] = {}
        settings: dict[str, Mapping[str, Any]] = {}
        count = 0
        for number, table in self._groups():
            names = [f"node-{count + one}" for one in range(1, number + 1)]
            count += number
            if table:
                shapes |= dict.fromkeys(names, table)
                settings |= dict.fromkeys(names, self._settings(table))
        for node, table in self._exceptions(count):
            shapes[node] = merged = _merged(shapes.get(node), table)
            settings[node] = self._settings(merged)
        requester = top.get("requester")
        return Description(
            nodes=count,
            seed=page.number(top, "seed", 0) if "seed" in top else None,
            behaviour=words,
            shapes=shapes,
            requester=requester or {},
            settings=settings,
            requester_settings=self._read_requester(requester) if requester else {},
        )

    # ---- the nodes -----------------------------------------------------------------------------------------

    def _groups(self) -> list[tuple[int, Table]]:
        """How many nodes there are of each kind, and what is said of them."""
        given = self._top.get("nodes", 3)
        if is_number(given):
            return [(self._count(self._top, "nodes", 3, 0), self._with_region(self._common))]
        if not isinstance(given, Items):
            self._count(self._top, "nodes", 3, 0)
        groups: list[tuple[int, Table]] = []
        before = 0
        for row in self._page.rows(self._top, "nodes", ("count", *_NODE_KEYS)):
            number = self._count(row, "count", 1, before)
            before += number
            own = _merged(None, row)
            own.pop("count", None)
            groups.append((number, self._with_region(_merged(self._common, own))))
        return groups

    def _count(self, table: Table, key: str, default: int, before: int) -> int:
        number = self._page.number(table, key, default)
        if before + number > MOST_NODES:
            raise self._page.error(
                table, key, f"{before + number} nodes are more than one process can hold", f"use {MOST_NODES} or less"
            )
        return number

    def _exceptions(self, count: int) -> list[tuple[str, Table]]:
        shapes = self._top.get("shapes")
        if shapes is None:
            return []
        if not isinstance(shapes, Table):
            raise self._page.error(self._top, "shapes", "shapes is a mapping", "write {node-1: {cpu: 2}}")
        found = []
        for node in shapes:
            if not _is_node(node, count):
                known = "there are no nodes" if not count else f"the nodes are node-1 to node-{count}"
                raise self._page.error(shapes, node, f"shapes: there is no node {node!r}", known)
            table = self._page.table(shapes[node], shapes.lines[node], node, _NODE_KEYS)
            found.append((node, self._with_region(table)))
        return found

    def _node_table(self, key: str) -> Table:
        value = self._top.get(key)
        if value is None:
            return empty(self._top.line)
        return self._page.table(value, self._top.lines[key], key, _NODE_KEYS)

    def _settings(self, table: Table) -> dict[str, Any]:
        """What the words mean, each looked at by itself, so that a mistake has its line."""
        for word in table:
            try:
                read_shape({word: table[word]}, self._capacity)
            except UsageError as exc:
                raise self._page.error(table, word, exc.message, exc.hint) from None
        try:
            settings = read_shape(table, self._capacity)
            check_limits(shaped(simulated_nodes(1, capacity=self._capacity)[0], {"node-1": settings}))
        except UsageError as exc:
            message, hint = (text.replace("node-1", "the node") for text in (exc.message, exc.hint))
            raise at_line(self._page.path, table.line, message, hint) from None
        return settings

    # ---- regions and the requester -------------------------------------------------------------------------

    def _read_regions(self) -> dict[str, Any]:
        regions = self._top.get("regions")
        if regions is None:
            return {}
        if not isinstance(regions, Table):
            raise self._page.error(self._top, "regions", "regions is a mapping", "write {eu-west: 5ms, us-east: 45ms}")
        for name in regions:
            self._page.checked(regions, name, read_duration)
        return dict(regions)

    def _with_region(self, table: Table) -> Table:
        """The table with its region's latency, unless it has one of its own."""
        if table.get("region") is None or not self._regions:
            return table
        region = self._page.checked(table, "region", read_text)
        if region not in self._regions:
            known = ", ".join(self._regions)
            raise self._page.error(table, "region", f"region: there is no region {region!r}", f"there are {known}")
        if "latency" in table:
            return table
        located = _merged(None, table)
        located["latency"], located.lines["latency"] = self._regions[region], table.lines["region"]
        return located

    def _read_requester(self, requester: Any) -> dict[str, Any]:
        if not isinstance(requester, Table):
            raise self._page.error(self._top, "requester", "requester is a mapping", "write {manual_approval: true}")
        for word in requester:
            try:
                read_requester({word: requester[word]})
            except UsageError as exc:
                raise self._page.error(requester, word, f"requester: {exc.message}", exc.hint) from None
        return read_requester(requester)


def _is_node(name: str, count: int) -> bool:
    number = name.removeprefix("node-")
    return number.isascii() and number.isdigit() and 1 <= int(number) <= count and name == f"node-{int(number)}"


def _merged(below: Table | None, table: Table) -> Table:
    """What the first says where the second says nothing; labels are put together."""
    merged = empty(table.line)
    for one in (below, table):
        if one is not None:
            labels = {**(merged.get("labels") or {}), **one["labels"]} if _has_labels(merged, one) else None
            merged.update(one)
            merged.lines.update(one.lines)
            if labels is not None:
                merged["labels"] = labels
    return merged


def _has_labels(*tables: Table) -> bool:
    return all(isinstance(table.get("labels"), Mapping) for table in tables)


def _texts(value: Any) -> tuple[str, ...]:
    return () if value is None else tuple(map(str, value)) if isinstance(value, list) else (str(value),)
