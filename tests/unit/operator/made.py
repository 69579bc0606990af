"""What is made of a run: its Job, the pods of that, and the worker in them."""

from unit.operator import specs

from thinksafe_operator.jobs import children
from thinksafe_operator.settings import Settings
from thinksafe_operator.state import Attempt


def job(stage="generate", *, settings: Settings = specs.SETTINGS, avoid: tuple[str, ...] = (), **fields) -> dict:
    return children(specs.run(**fields), Attempt(stage, 1, avoid), settings)[-1]


def pod(stage: str = "generate", **arguments) -> dict:
    return job(stage, **arguments)["spec"]["template"]["spec"]


def worker(stage: str = "generate", **arguments) -> dict:
    return next(c for c in pod(stage, **arguments)["containers"] if c["name"] == "worker")


def env(stage: str = "generate", **arguments) -> dict:
    return {e["name"]: e.get("value", e.get("valueFrom")) for e in worker(stage, **arguments)["env"]}


def mounted(at: str, **arguments) -> dict:
    """The volume at a path of the worker, with what its mount says beside the name and the path."""
    mount = next(m for m in worker(**arguments)["volumeMounts"] if m["mountPath"] == at)
    volume = next(v for v in pod(**arguments)["volumes"] if v["name"] == mount["name"])
    return {k: v for k, v in (volume | mount).items() if k not in ("name", "mountPath")}
