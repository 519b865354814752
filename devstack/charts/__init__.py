"""Charts of a run, drawn from data frames. Each says in its title what it shows of this run, in words.

gantt     who ran what when, by node or by job     over_time  capacity, and who waits
states    which states executions went through     sequence   who told whom what
network   the nodes and how they are               waits      how long programs waited for their start
comparison  two runs side by side                  saving     SVG, PNG and HTML without a browser
theme     colours and inks for light and dark      words      numbers, durations and names in sentences
table     rows of a frame                          lanes      what overlaps, side by side
bands     faults behind a chart                    showing    as pictures in notebooks

Frames have the columns of `devstack.notebook.frames`; times are seconds since the run began. Every function takes
`dark`: None has inks that can be read on light and dark pages, False and True are crisp on one of them.
"""

from devstack.errors import UsageError

try:
    import altair  # noqa: F401
    import pandas  # noqa: F401
    import vl_convert  # noqa: F401
except ModuleNotFoundError as missing:
    raise UsageError(
        f"charts need {missing.name}, which is not installed", "pip install 'bacalhau-devstack[notebook]'"
    ) from None

from devstack.charts.comparison import comparison
from devstack.charts.gantt import gantt
from devstack.charts.network import network
from devstack.charts.over_time import capacity, queue
from devstack.charts.saving import html, save
from devstack.charts.sequence import sequence
from devstack.charts.showing import show_as_pictures
from devstack.charts.states import states
from devstack.charts.waits import waits

__all__ = [
    "capacity", "comparison", "gantt", "html", "network", "queue", "save", "sequence", "show_as_pictures", "states",
    "waits",
]  # fmt: skip
