"""The node's container runtime: Debian's containerd with a configuration, a socket and mounts of its own.

It keeps images in the user's cache, unpacked, so that a cluster started again pulls nothing.
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from cluster import registry
from cluster.binaries import binary
from cluster.network import CNI_PLUGINS
from cluster.process import Process, run

PAUSE = f"{registry.NAME}/pause:1"

_CONFIG = """version = 2
root = "{root}"
state = "{folder}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  netns_mounts_under_state_dir = true
  disable_tcp_service = true
  # In a sandbox without CAP_SYS_RESOURCE nobody may lower it, as a pause container would.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    # Layers are kept unpacked only: that halves the disk of an image of 6 GB.
    discard_unpacked_layers = true
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_plugins}"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{folder}/registries"
"""


class Containerd:
    """containerd in `folder`, its images in `root`; `prefix` puts it into the node's mount namespace."""

    def __init__(
        self, folder: Path, root: Path, *, cni: Path, registry_url: str, prefix: list[str], cgroups: list[Path]
    ) -> None:
        self.socket = folder / "containerd.sock"
        hosts = folder / "registries" / registry.NAME / "hosts.toml"
        hosts.parent.mkdir(parents=True)
        hosts.write_text(f'server = "{registry_url}"\n[host."{registry_url}"]\n  capabilities = ["pull", "resolve"]\n')
        config = folder / "config.toml"
        config.write_text(_CONFIG.format(root=root, folder=folder, pause=PAUSE, cni=cni, cni_plugins=CNI_PLUGINS))
        command = [*prefix, "containerd", "--config", str(config)]
        self.process = Process("containerd", command, folder / "containerd.log", cgroups=cgroups)

    def start(self) -> None:
        """Start it, with the pause image and no container from an earlier life."""
        self.process.start()
        self.process.wait_until(lambda: self.socket.exists() and self._serves())
        self.forget_containers()
        if PAUSE not in self.ctr("images", "list", "-q").split():
            archive = self.socket.parent / "pause.tar"
            archive.write_bytes(_pause_archive())
            self.ctr("images", "import", str(archive))

    def stop(self) -> None:
        self.process.stop()

    def ctr(self, *args: str, check: bool = True, timeout: float = 600) -> str:
        return run("ctr", f"--address={self.socket}", "--namespace=k8s.io", *args, check=check, timeout=timeout)

    def forget_containers(self) -> None:
        """Remove every container and its file system; images stay."""
        for task in self.ctr("tasks", "list", "-q").split():
            self.ctr("tasks", "delete", "--force", task, check=False)
        for container in self.ctr("containers", "list", "-q").split():
            self.ctr("containers", "delete", container, check=False)

    def _serves(self) -> bool:
        return "Server:" in self.ctr("version", check=False)


def _pause_archive() -> bytes:
    """The image of the pause process, as `docker save` would write it: one static program."""
    layer = _tar({"pause": (binary("pause").read_bytes(), 0o755)})
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [PAUSE], "Layers": ["layer.tar"]}]
    files = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    return _tar({"layer.tar": (layer, 0o644), **{name: (content, 0o644) for name, content in files.items()}})


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()
