"""A run as files for other programs and other people.

run       what is exported: a scenario's outcome, and who looked on       perfetto  a trace for ui.perfetto.dev
lines     every record of the trace, as JSON lines                        tables    CSV and Parquet
report    one HTML page: the story, charts, the line that repeats it      texts     what jobs write, made harmless
"""

from devstack.exports.run import FORMATS, Run, export

__all__ = ["FORMATS", "Run", "export"]
