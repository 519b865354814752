"""Who told whom what."""

from __future__ import annotations

import pandas as pd

from devstack.charts.sequence import MOST_ARROWS, sequence

from .conftest import rows_with, spec


def messages(*rows: tuple[float, str, str, str, bool]) -> pd.DataFrame:
    full = [(at, None if lost else at, source, target, kind, "e", lost) for at, source, target, kind, lost in rows]
    return pd.DataFrame(full, columns="sent_s arrived_s source target kind subject is_lost".split())


def arrows(chart):
    """Those of one layer: every layer has them."""
    return list({row["at"]: row for row in rows_with(chart, "fate")}.values())


def test_a_lost_message_ends_on_its_way():
    """In a cross, and is told in the title."""
    chart = sequence(messages((0.0, "node-0", "node-1", "AskForBid", True)))
    assert ["cross"] == [arrow["head"] for arrow in arrows(chart)]
    assert "One of one message was lost: AskForBid" == spec(chart)["title"]["text"]


def test_what_is_lost_again_and_again_is_one_arrow():
    """With how often, and until when; what is heard in between begins a new one."""
    lost = [(10.0 * at, "node-0", "node-1", "CancelExecution", True) for at in range(5)]
    heard = (25.0, "node-2", "node-0", "RunResult", False)
    found = arrows(sequence(messages(*lost[:3], heard, *lost[3:])))
    assert ["CancelExecution × 3 until 20s", "RunResult", "CancelExecution × 2 until 40s"] == [
        one["text"] for one in found
    ]


def test_heartbeats_are_shown_only_if_they_are_asked_for():
    """They would hide all else."""
    frame = messages((0.0, "node-1", "node-0", "Heartbeat", False), (0.0, "node-0", "node-1", "AskForBid", False))
    assert [1, 2] == [len(arrows(sequence(frame, routine=routine))) for routine in (False, True)]


def test_what_many_say_alike_at_one_instant_is_one_arrow():
    """Of nodes that share a line."""
    frame = messages(*((0.0, "node-0", f"node-{at}", "AskForBid", False) for at in range(1, 101)))
    found = arrows(sequence(frame))
    assert "AskForBid × 93" == found[-1]["text"]
    assert 8 == len(found)


def test_no_more_arrows_are_drawn_than_can_be_read():
    """The subtitle says which; `first` shows the next ones."""
    frame = messages(*((float(at), "node-0", "node-1", "AskForBid", False) for at in range(100)))
    assert MOST_ARROWS == len(arrows(sequence(frame)))
    assert "messages 46 to 90 of 100 are drawn" in spec(sequence(frame, first=45))["title"]["subtitle"][0]
