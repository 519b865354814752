"""The one entry: rows T127 and T129."""

import pytest

from devstack.kernel.seed import Seed
from devstack.models.evaluation import Evaluation
from devstack.orchestrator.retry import FixedRetry
from devstack.orchestrator.scheduler import Schedulers, SchedulingError, scheduler_for


@pytest.mark.parametrize("job_type", ["batch", "service", "ops", "daemon"])
def test_t127_every_job_type_has_a_scheduler(job_type):
    """Batch and service share one."""
    assert callable(scheduler_for(job_type))
    assert scheduler_for("batch") is scheduler_for("service")


def test_t129_an_unknown_type_is_an_error():
    """The evaluation is nacked."""
    with pytest.raises(SchedulingError, match="scheduler not found for evaluation type: dream"):
        scheduler_for("dream")


def test_an_unknown_job_is_an_error(scene):
    """The evaluation is nacked."""
    drawn = scene("batch")
    schedulers = Schedulers(drawn.store, drawn.selector, FixedRetry(True), drawn.config, Seed(1).stream("ids"))
    with pytest.raises(SchedulingError, match="job not found: j-gone"):
        schedulers.plan(Evaluation("v", "j-gone", "batch", "job-register"), 0)
