"""A stack that has something to show, and one row of the table of flags at work on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import yaml
from click.testing import CliRunner

from devstack.cli.main import cli
from tests.live.stacks import Stack, job, noop

__all__ = ["Row", "World"]


@attrs.define
class World:
    """A stack with a history: five jobs over, one of them with two executions, and one that runs."""

    stack: Stack
    jobs: list[str] = attrs.field(factory=list)
    pair: str = ""

    def fill(self) -> World:
        self.jobs = [self.stack.submit(job(noop(Stdout="hi\n"), Labels={"number": str(n)})) for n in range(4)]
        self.pair = self.stack.submit(job(noop(Stdout="hi\n"), count=2))
        for job_id in (*self.jobs, self.pair):
            self.stack.wait_over(job_id)
        return self

    def running_job(self) -> str:
        job_id = self.stack.submit(job(noop(RunsFor="1h")))
        self.stack.wait_running(job_id)
        return job_id


@attrs.define
class Row:
    """One row at work: runs its command, and remembers whether its flag was used."""

    world: World
    command: tuple[str, ...]
    flags: tuple[str, ...]
    folder: Path
    was_used: set[str] = attrs.field(factory=set)

    def __call__(self, *args: str, code: int = 0, named: bool = True, **settings: Any) -> Any:
        """The streams of the command; `named`: the environment says where the stack is."""
        self.was_used |= {name for name in self.flags if any(word.partition("=")[0] == name for word in args)}
        environment = {
            "BACALHAU_DIR": str(self.folder),
            "BACALHAU_API_PORT": str(self.world.stack.port) if named else None,
        }
        environment |= settings.pop("env", {})
        done = CliRunner().invoke(cli, [*self.command, *args], prog_name="devstack", env=environment, **settings)
        assert code == done.exit_code, done.output
        return done

    def items(self, *args: str) -> list[dict[str, Any]]:
        return list(json.loads(self(*self.target, *args, "--output", "json").stdout))

    @property
    def flag(self) -> str:
        return self.flags[-1]

    @property
    def target(self) -> tuple[str, ...]:
        """What the command is about."""
        if self.command in (("job", "list"), ("node", "list"), ("config", "list")) or self.command[0] == "agent":
            return ()
        if self.command[0] == "node":
            return ("node-1",)
        return (self.world.pair,)

    def reach(self, *flags: str, **settings: Any) -> None:
        """Run the command so that the stack must have answered, without changing anything that others look at."""
        refused = {"stop": self.target, "approve": ("node-77",), "reject": ("node-77",), "delete": ("node-77",)}
        if self.command[-1] in refused:
            error = self(*refused[self.command[-1]], *flags, code=1, **settings).stderr
            assert "already in a terminal state" in error or "nodeInfo not found" in error, error
        else:
            submitting = self.command == ("job", "run")
            self(*(("--wait=false", str(self.job_file("x"))) if submitting else self.target), *flags, **settings)

    def refuse(self, *flags: str) -> str:
        """The error of the command with these flags."""
        target = (str(self.job_file("x")),) if self.command == ("job", "run") else self.target
        return str(self(*target, *flags, code=1, named=False).stderr)

    def job_file(self, text: str = "{{.word}}") -> Path:
        path = self.folder / "job.yaml"
        path.write_text(yaml.safe_dump(job(noop(Stdout=text), Name="{{.word}}" if text == "{{.word}}" else "n")))
        return path
