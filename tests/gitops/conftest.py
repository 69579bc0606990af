"""The programs of GitOps tools; where they cannot be built, the tests that need them are skipped and say why."""

import pytest
from cluster.binaries import NotBuilt, binary


@pytest.fixture(scope="session")
def engines() -> None:
    """Argo CD's engine, kstatus with Flux's, and kustomize."""
    try:
        for name in ("health", "kstatus", "kustomize"):
            binary(name)
    except NotBuilt as why_not:
        pytest.skip(str(why_not))
