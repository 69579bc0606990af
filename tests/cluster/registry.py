"""A real container registry: images are pushed layer by layer, and only layers that are new move."""

from pathlib import Path

from cluster.binaries import binary
from cluster.process import Process, listens

# The name in image references. It exists nowhere: the node's containerd is told where it is (node.py).
NAME = "registry.thinksafe.test"

_CONFIG = """version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{data}"}}
  delete: {{enabled: true}}
http:
  addr: "{host}:{port}"
"""


class Registry:
    """A registry over a folder. Several may serve one folder, as nothing in it is ever changed, only added."""

    def __init__(self, folder: Path, data: Path, host: str, port: int) -> None:
        self.host, self.port = host, port
        folder.mkdir(parents=True, exist_ok=True)
        config = write_config(folder, data, host, port)
        environment = {"OTEL_TRACES_EXPORTER": "none", "OTEL_SDK_DISABLED": "true"}
        command = [binary("registry"), "serve", str(config)]
        self.process = Process("registry", command, folder / "registry.log", environment=environment)

    def start(self) -> None:
        self.process.start()
        self.process.wait_until(lambda: listens(self.host, self.port))

    def stop(self) -> None:
        self.process.stop(5)


def write_config(folder: Path, data: Path, host: str, port: int) -> Path:
    """The registry's own settings, as a file."""
    config = folder / "registry.yaml"
    config.write_text(_CONFIG.format(data=data, host=host, port=port))
    return config
