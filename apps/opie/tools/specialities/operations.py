"""Tools of the DevOps engineer: manifests and Dockerfiles against good practice, and error budgets."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import bullets, number, percent, require_finite, require_text, table

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"})
ALWAYS_ON = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
MINUTES_OF_A_DAY = 1440

Mapping = dict[str, Any]


def check_manifest(manifest: str) -> str:
    """Hold Kubernetes manifests against good practice: images, probes, resources, rights, replicas, secrets.

    Args:
        manifest: One or more YAML documents.
    """
    documents = _documents(require_text(manifest, "the manifest"))
    rows = [(place, level, gap) for place, kind, document in documents for level, gap in _gaps(kind, document)]
    if not documents:
        raise InvalidInput("There is no Kubernetes object in it: each needs a kind.")
    order = {"high": 0, "medium": 1, "low": 2}
    rows.sort(key=lambda row: order[row[1]])
    return table(["Object", "Weight", "What"], rows) if rows else "Nothing is wrong by these rules."


def check_dockerfile(dockerfile: str) -> str:
    """Hold a Dockerfile against good practice, with the line of each finding.

    Args:
        dockerfile: The Dockerfile.
    """
    lines = list(enumerate(require_text(dockerfile, "the Dockerfile").split("\n"), start=1))
    rows: list[tuple[int | str, str]] = [(line, what) for line, text in lines for what in _in_line(text.strip())]
    text = "\n".join(text for _, text in lines)
    if not re.search(r"^\s*FROM\b", text, re.IGNORECASE | re.MULTILINE):
        raise InvalidInput("There is no FROM in it. Is it a Dockerfile?")
    users = re.findall(r"^\s*USER\s+(\S+)", text, re.IGNORECASE | re.MULTILINE)
    if not users or users[-1].split(":")[0] in ("root", "0"):
        rows.append(("end", "runs as root: create a user and say USER"))
    if not re.search(r"^\s*HEALTHCHECK\b", text, re.IGNORECASE | re.MULTILINE):
        rows.append(("end", "no HEALTHCHECK (not needed where an orchestrator probes it)"))
    return table(["Line", "What"], rows) if rows else "Nothing is wrong by these rules."


def error_budget(objective_percent: float, days: float = 30, minutes_down: float = 0) -> str:
    """How long a service may be down under its objective, and what is left of that.

    Args:
        objective_percent: The availability that was promised, such as 99.9
        days: The length of the period.
        minutes_down: How long it was down in this period.
    """
    require_finite(objective_percent=objective_percent, days=days, minutes_down=minutes_down)
    if not 0 < objective_percent < 100 or days <= 0 or minutes_down < 0:
        raise InvalidInput("The objective lies between 0 and 100 per cent, the days are more than 0.")
    allowed = days * MINUTES_OF_A_DAY * (100 - objective_percent) / 100
    left = allowed - minutes_down
    verdict = "Spent: no risky releases until the period is over." if left <= 0 else "There is some left."
    return bullets(
        [
            f"Allowed in {number(days)} days at {number(objective_percent, 4)} %: {number(allowed)} minutes",
            f"Used: {number(minutes_down)} minutes ({percent(minutes_down / allowed)})",
            f"Left: {number(left)} minutes. {verdict}",
        ]
    )


def _documents(text: str) -> list[tuple[str, str, Mapping]]:
    try:
        found = list(yaml.safe_load_all(text))
    except (yaml.YAMLError, RecursionError, ValueError):
        raise InvalidInput("That cannot be read as YAML.") from None
    named = [(str(one["kind"]), one) for one in found if isinstance(one, dict) and one.get("kind")]
    return [(f"{kind}/{_mapping(one.get('metadata')).get('name', '?')}", kind, one) for kind, one in named]


def _gaps(kind: str, document: Mapping) -> Iterator[tuple[str, str]]:
    if kind == "Secret" and (document.get("data") or document.get("stringData")):
        yield "high", "a secret in a manifest: keep it in a secret store and out of the repository"
    if kind not in WORKLOADS:
        return
    spec = _mapping(document.get("spec"))
    if kind == "CronJob":
        spec = _mapping(_mapping(spec.get("jobTemplate")).get("spec"))
    pod = spec if kind == "Pod" else _mapping(_mapping(spec.get("template")).get("spec"))
    if kind == "Deployment" and spec.get("replicas", 1) == 1:
        yield "medium", "one replica: a restart is an outage, unless an autoscaler sets more"
    if pod.get("hostNetwork") or pod.get("hostPID") or pod.get("hostIPC"):
        yield "high", "shares a namespace of the host"
    containers = [one for one in _list(pod.get("containers")) if isinstance(one, dict)]
    for container in containers:
        for level, gap in _gaps_of_container(kind, pod, container):
            yield level, f"{container.get('name', '?')}: {gap}"


def _gaps_of_container(kind: str, pod: Mapping, container: Mapping) -> Iterator[tuple[str, str]]:
    image = str(container.get("image", ""))
    if "@sha256:" not in image and (":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest")):
        yield "high", f"image {image or '?'} without a fixed tag"
    resources = _mapping(container.get("resources"))
    for what in ("cpu", "memory"):
        if what not in _mapping(resources.get("requests")):
            yield "medium", f"no request for {what}"
    if "memory" not in _mapping(resources.get("limits")):
        yield "high", "no limit for memory"
    if kind in ALWAYS_ON:
        for probe, level in (("readinessProbe", "high"), ("livenessProbe", "medium")):
            if not container.get(probe):
                yield level, f"no {probe}"
    yield from _rights(_mapping(pod.get("securityContext")), _mapping(container.get("securityContext")))
    for variable in _list(container.get("env")):
        if isinstance(variable, dict) and variable.get("value") and _sounds_secret(str(variable.get("name", ""))):
            yield "high", f"{variable['name']} stands in plain text: take it from a Secret"


def _rights(of_pod: Mapping, of_container: Mapping) -> Iterator[tuple[str, str]]:
    both = of_pod | of_container
    if both.get("privileged"):
        yield "high", "privileged"
    if both.get("runAsNonRoot") is not True:
        yield "high", "runAsNonRoot is not true"
    if both.get("allowPrivilegeEscalation") is not False:
        yield "medium", "allowPrivilegeEscalation is not false"
    if both.get("readOnlyRootFilesystem") is not True:
        yield "low", "readOnlyRootFilesystem is not true"
    if "ALL" not in _list(_mapping(both.get("capabilities")).get("drop")):
        yield "medium", "capabilities are not dropped (drop: [ALL])"


def _in_line(line: str) -> Iterator[str]:
    word, _, rest = line.partition(" ")
    word = word.upper()
    if word == "FROM":
        image = next((part for part in rest.split() if not part.startswith("--")), "")
        if (
            image != "scratch"
            and "$" not in image
            and "@" not in image
            and (":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest"))
        ):
            yield f"{image} without a fixed tag"
    if word == "ADD" and not re.search(r"https?://|\.tar|\.tgz", rest):
        yield "ADD where COPY does"
    if "apt-get install" in line and "--no-install-recommends" not in line:
        yield "apt-get install without --no-install-recommends"
    if re.search(r"\bapt-get upgrade\b|\bsudo\b", line):
        yield "apt-get upgrade or sudo: the result is not the same twice"
    if re.search(r"curl[^|]*\|\s*(?:ba)?sh", line):
        yield "runs what it downloads, unchecked"
    if word in ("ENV", "ARG") and _sounds_secret(rest.split("=")[0]) and "=" in rest:
        yield "a secret in the image: use a build secret"


def _sounds_secret(name: str) -> bool:
    return bool(re.search(r"password|passwd|secret|token|api_?key|private_?key", name, re.IGNORECASE))


def _mapping(value: Any) -> Mapping:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
