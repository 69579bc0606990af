"""The one file that knows kopf: its watches feed the queues, and it ends the process on a signal.

Only `on.event` is used: it writes no annotation and no finalizer, and whatever it misses the resync finds.
"""

import logging
import os
from typing import Any

import kopf

from thinksafe.errors import SettingsError
from thinksafe_operator import health, logs
from thinksafe_operator.decide import decide
from thinksafe_operator.engine import Engine
from thinksafe_operator.jobs import children
from thinksafe_operator.kube import Kube
from thinksafe_operator.names import EXPERIMENTS, FIELD_MANAGER, GROUP, PLURAL, VERSION
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.settings import Settings, from_env

log = logging.getLogger(__name__)
_CRD = f"{PLURAL}.{GROUP}"


def main() -> None:
    """Run until a signal. Leaves with a code other than 0 if it could not start."""
    logs.configure()
    os.environ.setdefault("USER", "thinksafe-operator")  # kopf asks for the user's name, and a pod's may have none
    try:
        settings = from_env(os.environ)
        port, silence = _number("THINKSAFE_PROBE_PORT", 8080), _number("THINKSAFE_SILENCE_SECONDS", 180)
    except SettingsError as error:
        raise SystemExit(error.line()) from None
    kopf.run(
        registry=registry(settings, port=port, silence=silence),
        settings=kopf_settings(),
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )


def registry(settings: Settings, *, port: int, silence: float) -> kopf.OperatorRegistry:
    """What kopf is to call."""
    handlers = kopf.OperatorRegistry()
    running: dict[str, Any] = {}

    # An error at the start ends the process, with a code that says so: Kubernetes starts it again.
    @kopf.on.startup(registry=handlers, errors=kopf.ErrorsMode.PERMANENT)
    async def start(**_: Any) -> None:
        kube = running["kube"] = await Kube.connect()
        engine = running["engine"] = Engine(kube, settings, decide, children, silence=silence)
        # Before the engine is started: a start that hangs must be seen from outside.
        running["server"] = await health.serve(engine.health, port)
        try:
            await engine.start()
        except ApiError as error:
            if error.status == 404:
                raise kopf.PermanentError(f"ThinkSafeRuns are not known here: install the definition {_CRD}") from None
            raise
        if engine.experiments.known:  # kopf looks only once for what there is to watch, and that is after this
            kopf.on.event(GROUP, VERSION, EXPERIMENTS, registry=handlers)(experiment_seen)

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await _connection(running["kube"])

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)
    async def seen(type: str, body: kopf.Body, **_: Any) -> None:
        running["engine"].run_seen(body, type == "DELETED")

    async def experiment_seen(type: str, body: kopf.Body, **_: Any) -> None:
        running["engine"].experiments.seen(body, type == "DELETED")

    @kopf.on.cleanup(registry=handlers)
    async def stop(**_: Any) -> None:
        if "engine" in running:
            await running["engine"].stop()
        if "server" in running:
            await running["server"].cleanup()
        if "kube" in running:
            await running["kube"].close()

    return handlers


def kopf_settings() -> kopf.OperatorSettings:
    """Every setting whose default would write to objects, hang, or ask for rights that are not needed."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # events.py tells them
    settings.posting.reporting_component = FIELD_MANAGER
    settings.peering.standalone = True
    # The kind is known to be there (the engine lists it at the start), the namespaces are named: nothing to discover.
    settings.scanning.disabled = True
    settings.watching.server_timeout, settings.watching.client_timeout = 600, 660
    # A worker of kopf's keeps the last object it saw, 50 kB of it, until it has idled for so long. So a thousand runs
    # that change in the same seconds would cost 50 MB, and a start with five thousand 250.
    settings.queueing.idle_timeout = 0.1
    settings.watching.chunk_size = 100
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = (1, 2, 3, 5, 8)
    settings.queueing.worker_limit = 100
    # Unused as long as there is only on.event; pinned so that a handler of another kind writes nothing of kopf's.
    settings.persistence.finalizer = f"{GROUP}/operator"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = _NoDiffs(prefix=GROUP)
    settings.process.ultimate_exiting_timeout = 20
    return settings


class _NoDiffs(kopf.AnnotationsDiffBaseStorage):
    """kopf copies every object that it hears of, to find out what has changed in it, and nobody asks for that."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()


async def _connection(kube: Kube) -> kopf.ConnectionInfo:
    """The credentials of our own client: kopf is called again when they are refused."""
    found = await kube.credentials()
    header = await found.get_api_key_with_prefix("BearerToken", "authorization")
    return kopf.ConnectionInfo(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        insecure=not found.verify_ssl,
        scheme="Bearer" if header else None,
        token=header.rpartition(" ")[2] if header else None,
        certificate_path=found.cert_file,
        private_key_path=found.key_file,
    )


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    if not text.isdigit() or not int(text):
        raise SettingsError(f"{variable}: {text!r} is not a whole number above 0")
    return int(text)
