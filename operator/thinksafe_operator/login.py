"""Which API server, with whose credentials: as `kubernetes` knows how to find them."""

import os
import ssl

from kubernetes.aio import config
from kubernetes.aio.client import Configuration


async def load(kubeconfig: str | None) -> Configuration:
    """That of the pod's service account, or else of `kubeconfig`, $KUBECONFIG or ~/.kube/config; read afresh."""
    # The class itself, not a copy of the process's default: two clients of two servers may live side by side.
    configuration = Configuration()
    if kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
        config.load_incluster_config(configuration)
    else:
        await config.load_kube_config(kubeconfig or os.environ.get("KUBECONFIG"), client_configuration=configuration)
    return configuration


def tls(configuration: Configuration) -> ssl.SSLContext | None:
    """How to speak to this server; None if it is not asked for by https."""
    if not str(configuration.host).startswith("https:"):
        return None
    context = ssl.create_default_context(
        cafile=configuration.ssl_ca_cert or None, cadata=configuration.ca_cert_data or None
    )
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
