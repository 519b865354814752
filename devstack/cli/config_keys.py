"""The keys of config.yaml: what kind of value each holds, its default, and what reads it.

Bacalhau knows some more; those that only its own servers could use are accepted and named as without effect. Source:
command line reference 6.3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from devstack.errors import UsageError

__all__ = ["KEYS", "Key", "find"]

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})

_FOR_EVER: Final = "2562047h47m16s"
CLIENT: Final = "the client"


@attrs.frozen
class Key:
    """One key: `kind` is a kind of value or the words that are allowed, `flag` the parameter of `up` that it sets."""

    name: str
    kind: str
    default: Any = ""
    flag: str = ""
    read_by: str = ""

    @property
    def path(self) -> str:
        """As it is written in the file and compared."""
        return self.name.lower()

    @property
    def variable(self) -> str:
        """The environment variable that holds it."""
        return "BACALHAU_" + self.name.upper().replace(".", "_")

    @property
    def has_effect(self) -> bool:
        return bool(self.flag or self.read_by)

    def parse(self, texts: Sequence[str]) -> Any:
        """The value that the words of a command line stand for.

        Raises:
            UsageError: too many words, or one of another kind.
        """
        if self.kind == "list":
            return [self._word(text) for text in texts]
        if self.kind == "map":
            return dict(self._pair(text) for text in texts)
        if len(texts) != 1:
            raise UsageError(f'setting "{self.path}": expected single value got {len(texts)} from [{" ".join(texts)}]')
        try:
            return _READ[self.kind](texts[0]) if self.kind in _READ else self._word(texts[0])
        except ValueError as exc:
            raise UsageError(f'setting "{self.path}": {exc}') from None

    def parse_text(self, text: str) -> Any:
        """The value of one text, in which commas part what a list or a map holds."""
        return self.parse(text.split(",") if self.kind in ("list", "map") else [text])

    def _word(self, text: str) -> str:
        words = self.kind.split("|") if "|" in self.kind else _LIST_WORDS.get(self.path, ())
        if words and text.lower() not in words:
            raise UsageError(f'setting "{self.path}": "{text}" is none of {", ".join(words)}')
        return text.lower() if words else text

    def _pair(self, text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        if not name or not equals or "=" in value:
            raise UsageError(f"setting \"{self.path}\": expected 'key=value', got '{text}'")
        return name, value


def _bool(text: str) -> bool:
    if text not in _TRUE | _FALSE:
        raise ValueError(f'"{text}" is neither true nor false')
    return text in _TRUE


def _int(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        raise ValueError(f'"{text}" is no whole number')
    return int(text)


def _uint(text: str) -> int:
    if _int(text) < 0:
        raise ValueError(f'"{text}" is below zero')
    return int(text)


def _float(text: str) -> float:
    if not re.fullmatch(r"[-+]?[0-9]{1,15}(\.[0-9]{1,15})?", text):
        raise ValueError(f'"{text}" is no number')
    return float(text)


def _duration(text: str) -> str:
    from devstack.models.gotext import duration_text, parse_duration_ns

    unit = re.fullmatch(r"[-+]?[0-9.]+([^0-9.]*)", text)
    if unit and unit[1] not in ("ns", "us", "µs", "μs", "ms", "s", "m", "h") and text != "0":
        what = f'unknown unit "{unit[1]}"' if unit[1] else "missing unit"
        raise ValueError(f'time: {what} in duration "{text}" (write 30s, 1m30s, 500ms)')
    return duration_text(parse_duration_ns(text))


_READ: Final[Mapping[str, Any]] = {
    "bool": _bool, "int": _int, "uint": _uint, "float": _float, "duration": _duration, "text": str,
}  # fmt: skip
_LIST_WORDS: Final = {"node.type": ("compute", "requester")}


def find(name: str) -> Key:
    """The key of that name, in any case.

    Raises:
        UsageError: there is no such key.
    """
    wanted = _OTHER_NAMES.get(name.strip().lower(), name.strip().lower())
    if wanted not in _BY_PATH:
        from difflib import get_close_matches

        near = get_close_matches(wanted, _BY_PATH, n=1)
        advice = f"did you mean {near[0]}?" if near else "see `config list` for the keys"
        raise UsageError(f"invalid configuration key {json.dumps(wanted, ensure_ascii=False)}: not found; {advice}")
    return _BY_PATH[wanted]


def _resources(section: str, flags: Sequence[str] = ("", "", "", ""), cpu: str = "", memory: str = "") -> list[Key]:
    names = ("CPU", "Memory", "Disk", "GPU")
    defaults = (cpu, memory, "", "")
    return [
        Key(f"Node.Compute.Capacity.{section}.{name}", "text", default, flag)
        for name, default, flag in zip(names, defaults, flags, strict=True)
    ]


KEYS: Final = (
    Key("Node.ClientAPI.Host", "text", "127.0.0.1", read_by=CLIENT),
    Key("Node.ClientAPI.Port", "uint", 1234, read_by=CLIENT),
    Key("Node.ClientAPI.ClientTLS.UseTLS", "bool", False, read_by=CLIENT),
    Key("Node.ClientAPI.ClientTLS.CACert", "text", read_by=CLIENT),
    Key("Node.ClientAPI.ClientTLS.Insecure", "bool", False, read_by=CLIENT),
    Key("User.KeyPath", "text", read_by=CLIENT),
    Key("Auth.TokensPath", "text", read_by=CLIENT),
    Key("Node.ServerAPI.Host", "text", "127.0.0.1", "host"),
    Key("Node.ServerAPI.Port", "uint", 1234, "port"),
    Key("Node.AllowListedLocalPaths", "list", [], "allow_listed_local_paths"),
    Key("Node.DisabledFeatures.Engines", "list", [], "disable_engine"),
    Key("Node.DisabledFeatures.Publishers", "list", [], "disabled_publisher"),
    Key("Node.DisabledFeatures.Storages", "list", [], "disable_storage"),
    Key("Node.Compute.Capacity.IgnorePhysicalResourceLimits", "bool", True, "ignore_physical_resource_limits"),
    *_resources("TotalResourceLimits", ("cpu", "memory", "disk", "gpu")),
    *_resources("JobResourceLimits", ("limit_job_cpu", "limit_job_memory", "limit_job_disk", "limit_job_gpu")),
    *_resources("DefaultJobResourceLimits", cpu="500m", memory="1Gb"),
    Key("Node.Compute.JobSelection.Locality", "local|anywhere", "anywhere", "job_selection_data_locality"),
    Key("Node.Compute.JobSelection.RejectStatelessJobs", "bool", False, "job_selection_reject_stateless"),
    Key("Node.Compute.JobSelection.AcceptNetworkedJobs", "bool", False, "job_selection_accept_networked"),
    Key("Node.Compute.JobSelection.ProbeHTTP", "text", flag="job_selection_probe_http"),
    Key("Node.Compute.JobSelection.ProbeExec", "text", flag="job_selection_probe_exec"),
    Key("Node.Compute.JobTimeouts.MinJobExecutionTimeout", "duration", "500ms", "min_job_execution_timeout"),
    Key("Node.Compute.JobTimeouts.MaxJobExecutionTimeout", "duration", _FOR_EVER, "max_job_execution_timeout"),
    Key("Node.Compute.JobTimeouts.DefaultJobExecutionTimeout", "duration", "10m0s", "default_job_execution_timeout"),
    Key("Node.Requester.DefaultPublisher", "text", flag="default_publisher"),
    Key("Node.Requester.ManualNodeApproval", "bool", False, "manual_approval"),
    # Accepted, and without effect here.
    Key("Node.Name", "text"),
    Key("Node.NameProvider", "text", "puuid"),
    Key("Node.Type", "list", ["requester"]),
    Key("Node.Labels", "map", {}),
    Key("Node.LoggingMode", "default|station|json|combined|event", "default"),
    Key("Node.Compute.JobTimeouts.JobNegotiationTimeout", "duration", "3m0s"),
    Key("Node.Compute.JobTimeouts.JobExecutionTimeoutClientIDBypassList", "list", []),
    Key("Node.Compute.LocalPublisher.Address", "text", "127.0.0.1"),
    Key("Node.Compute.LocalPublisher.Port", "uint", 0),
    Key("Node.Compute.LocalPublisher.Directory", "text"),
    Key("Node.Compute.LogStreamConfig.ChannelBufferSize", "int", 10),
    Key("Node.Compute.Logging.LogRunningExecutionsInterval", "duration", "10s"),
    Key("Node.Compute.ManifestCache.Size", "uint", 1000),
    Key("Node.Compute.ManifestCache.Duration", "duration", "1h0m0s"),
    Key("Node.Compute.ManifestCache.Frequency", "duration", "1h0m0s"),
    Key("Node.Compute.ControlPlaneSettings.InfoUpdateFrequency", "duration", "1m0s"),
    Key("Node.Compute.ControlPlaneSettings.ResourceUpdateFrequency", "duration", "30s"),
    Key("Node.Compute.ControlPlaneSettings.HeartbeatFrequency", "duration", "15s"),
    Key("Node.Compute.ControlPlaneSettings.HeartbeatTopic", "text", "heartbeat"),
    Key("Node.Compute.ExecutionStore.Type", "text", "BoltDB"),
    Key("Node.Compute.ExecutionStore.Path", "text"),
    Key("Node.Requester.JobDefaults.TotalTimeout", "duration", "30m0s"),
    Key("Node.Requester.JobDefaults.ExecutionTimeout", "duration", "0s"),
    Key("Node.Requester.JobDefaults.QueueTimeout", "duration", "0s"),
    Key("Node.Requester.EvaluationBroker.EvalBrokerVisibilityTimeout", "duration", "1m0s"),
    Key("Node.Requester.EvaluationBroker.EvalBrokerInitialRetryDelay", "duration", "1s"),
    Key("Node.Requester.EvaluationBroker.EvalBrokerSubsequentRetryDelay", "duration", "30s"),
    Key("Node.Requester.EvaluationBroker.EvalBrokerMaxRetryCount", "int", 10),
    Key("Node.Requester.Worker.WorkerCount", "int", 1),
    Key("Node.Requester.Worker.WorkerEvalDequeueTimeout", "duration", "5s"),
    Key("Node.Requester.Worker.WorkerEvalDequeueBaseBackoff", "duration", "1s"),
    Key("Node.Requester.Worker.WorkerEvalDequeueMaxBackoff", "duration", "30s"),
    Key("Node.Requester.Scheduler.QueueBackoff", "duration", "1m0s"),
    Key("Node.Requester.Scheduler.NodeOverSubscriptionFactor", "float", 1.5),
    Key("Node.Requester.HousekeepingBackgroundTaskInterval", "duration", "30s"),
    Key("Node.Requester.NodeRankRandomnessRange", "int", 5),
    Key("Node.Requester.OverAskForBidsFactor", "uint", 3),
    Key("Node.Requester.NodeInfoStoreTTL", "duration", "10m0s"),
    Key("Node.Requester.ControlPlaneSettings.HeartbeatCheckFrequency", "duration", "30s"),
    Key("Node.Requester.ControlPlaneSettings.NodeDisconnectedAfter", "duration", "30s"),
    Key("Node.Requester.ControlPlaneSettings.HeartbeatTopic", "text", "heartbeat"),
    Key("Node.Requester.JobSelectionPolicy.Locality", "local|anywhere", "anywhere"),
    Key("Node.Requester.JobSelectionPolicy.RejectStatelessJobs", "bool", False),
    Key("Node.Requester.JobSelectionPolicy.AcceptNetworkedJobs", "bool", False),
    Key("Node.Requester.JobSelectionPolicy.ProbeHTTP", "text"),
    Key("Node.Requester.JobSelectionPolicy.ProbeExec", "text"),
    Key("Node.Requester.StorageProvider.S3.PreSignedURLDisabled", "bool", False),
    Key("Node.Requester.StorageProvider.S3.PreSignedURLExpiration", "duration", "30m0s"),
    Key("Node.Requester.JobStore.Type", "text", "BoltDB"),
    Key("Node.Requester.JobStore.Path", "text"),
    Key("Node.Requester.TranslationEnabled", "bool", False),
    Key("Node.DownloadURLRequestRetries", "int", 3),
    Key("Node.DownloadURLRequestTimeout", "duration", "5m0s"),
    Key("Node.VolumeSizeRequestTimeout", "duration", "2m0s"),
    Key("Node.IPFS.Connect", "text"),
    Key("Node.WebUI.Enabled", "bool", False),
    Key("Node.WebUI.Port", "uint", 8483),
    Key("Update.SkipChecks", "bool", True),
    Key("Update.CheckFrequency", "duration", "24h0m0s"),
    Key("User.InstallationID", "text"),
)

_BY_PATH: Final = {key.path: key for key in KEYS}
# A name of later versions that the documentation uses already.
_OTHER_NAMES: Final = {"compute.allowlistedlocalpaths": "node.allowlistedlocalpaths"}
