"""Data through two jobs: what the first has published is read by the second."""

from pathlib import Path

from devstack.scenario import batch, inline, scenario, wasm

WAT = Path(__file__).parent / "jobs" / "wat"
TEXTS = ("one line\n", "two\nlines\n", "and\nthree\nmore\n")


@scenario(nodes=3)
async def lines_are_counted_on_three_nodes_and_added_on_one(cluster):
    """Map over three inputs, one a node; reduce over the files that came of it."""
    counts = []
    for number, text in enumerate(TEXTS, 1):
        job = batch(
            wasm(WAT / "count_lines.wat"), inputs=[inline(text, "/input/text.txt")], where=f"name=node-{number}",
            results={"outputs": "/outputs"}, publisher="local",
        )  # fmt: skip
        counts.append(await cluster.submit(job))
    parts = []
    for number, job in enumerate(counts, 1):
        await job.wait("Completed", within="1m")
        files = await job.completed[0].results()
        parts.append(inline(files["outputs/count"], f"/parts/{number}"))
    total = await cluster.submit(batch(wasm(WAT / "sum.wat"), inputs=parts))
    await total.wait("Completed", within="1m")
    assert {node for job in counts for node in job.nodes_used} == {"node-1", "node-2", "node-3"}
    assert total.completed[0].stdout == "6\n"
