"""Bacalhau's Python packages as programs use them; import this only where they are installed."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bacalhau_apiclient import ApiClient, Configuration
from bacalhau_apiclient.models.api_put_job_request import ApiPutJobRequest
from bacalhau_apiclient.models.job import Job
from bacalhau_apiclient.models.spec_config import SpecConfig
from bacalhau_apiclient.models.task import Task

from tests.live.stacks import LIMIT_S, OVER, Stack, noop

TWIN = "_with_http_info"  # Each generated method has one that also gives status and headers.


def public_methods(package: ModuleType) -> set[tuple[type, str]]:
    """Every method, by its class, that a program can call on the classes of a package; twins count as one."""
    modules = [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    classes = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__
    }
    return {
        (kind, name.removesuffix(TWIN))
        for kind in classes
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def named(methods: set[tuple[type, str]]) -> list[str]:
    return sorted(f"{kind.__name__}.{name}" for kind, name in methods)


def with_environment(stack: Stack, folder: Path, make: Callable[[], Any]) -> Any:
    """What `make` makes of the environment that points to the stack: the SDK reads it then, and only then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACALHAU_API_HOST", "127.0.0.1")
        patch.setenv("BACALHAU_API_PORT", str(stack.port))
        patch.setenv("BACALHAU_DIR", str(folder))
        patch.delenv("BACALHAU_HTTPS", raising=False)
        return make()


def plain_client(stack: Stack) -> ApiClient:
    configuration = Configuration()
    configuration.host = stack.url
    return ApiClient(configuration)


def request(engine: dict[str, Any] | None = None, *, publisher: str | None = None, **fields: Any) -> ApiPutJobRequest:
    """A job of one task; without an engine it says `hi` and, aside, `e`."""
    engine = engine or noop(Stdout="hi\n", Stderr="e\n")
    task = Task(name="main", publisher=SpecConfig(type=publisher),
                engine=SpecConfig(type=engine["Type"], params=engine["Params"]))  # fmt: skip
    return ApiPutJobRequest(job=Job(**{"name": "t", "type": "batch", "count": 1, "tasks": [task], **fields}))


def wait_over(state: Callable[[], str]) -> None:
    """Ask until the job is over, as a script with the SDK does."""
    deadline = time.monotonic() + LIMIT_S
    while state() not in OVER:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def raw(answer: Any) -> Any:
    """The JSON of an answer that the package was asked not to decode."""
    return json.loads(answer.data)
