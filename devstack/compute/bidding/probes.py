"""What a probe's answer means: a command or a web page that is asked about every job.

Each function gives what `BidFacts.probe` holds: (bids, waits, the whole reason). Source: compute reference 2.
"""

from __future__ import annotations

import json

from devstack.compute.bidding.answer import Answer, refuse
from devstack.errors import AdapterError

__all__ = ["exec_probe", "http_probe"]


def exec_probe(command: str, exit_code: int, stderr: str) -> Answer:
    if exit_code == 0:
        return Answer(True)
    said = stderr.strip()
    if said:
        return refuse(f"accept this job: {said}")
    return refuse(f'accept jobs where external command "{command}" returns exit code {exit_code}')


def http_probe(url: str, status: int, content_type: str, body: bytes) -> Answer:
    """A JSON answer decides; otherwise its status does.

    Raises:
        AdapterError: what calls itself JSON is none.
    """
    if status >= 400:
        return refuse(f'accept jobs where url "{url}" returns HTTP status code {status}')
    if content_type != "application/json":
        return Answer(True)
    try:
        answer = {key.lower(): value for key, value in json.loads(body).items()}
    except (ValueError, AttributeError) as exc:
        raise AdapterError(f"the probe {url} answered with bad JSON: {exc}", "answer with a JSON object") from exc
    waits = answer.get("shouldwait") is True
    return Answer(answer.get("shouldbid") is True, waits, str(answer.get("reason", "")))
