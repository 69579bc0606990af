"""The images of the worker and the operator, built from their Dockerfiles by buildah and pushed to the registry.

An image's tag is a hash of all it is made of, so one that is in the registry already is not built again; and where
only the code changed, only the code's layer is built, pushed and pulled.
"""

import hashlib
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster import registry
from cluster.binaries import binary
from cluster.places import REPOSITORY, cache, locked
from cluster.process import free_port, listens, run
from cluster.say import say

KEPT = 2  # images of a kind that stay in the caches, beside those that a cluster may be about to pull
_RECENT_SECONDS = 900
_PUSH_PORT = 5743  # always the same: buildah remembers by address which layers a registry has
_STORAGE_GB = 25
_BASE = "localhost/thinksafe-base"
_BASE_PACKAGES = "python3,python3-venv,ca-certificates,libnuma1,libgomp1"


@dataclass(frozen=True)
class Image:
    """An image of images/: what it alone is made of, and how long it takes from nothing on two cores."""

    name: str
    sources: tuple[str, ...]
    took: str


_EVERY = (".dockerignore", "images/build.py", "images/sbom.py", "requirements/sbom.txt", "pyproject.toml", "thinksafe")
WORKER = Image("worker", ("requirements/cpu.txt",), "about 8 minutes")
OPERATOR = Image("operator", ("requirements/operator.txt", "operator"), "1 minute")


def ensure(image: Image) -> str:
    """The image's reference, as a pod names it; built and pushed where the registry does not have it."""
    reference = f"thinksafe/{image.name}:{_key(image)}"
    with locked(cache("images") / "lock"):
        if not _tag(reference).exists():
            _make_room()
            say(f"building the image {reference} ({image.took} the first time, then only the code)")
            _build(image, reference)
            say(f"pushing {reference}")
            _push(reference)
            _prune(image)
        os.utime(_tag(reference))
    return f"{registry.NAME}/{reference}"


def registry_data() -> Path:
    """The registry's folder: every cluster of this user serves it."""
    return cache("images", "registry")


def _key(image: Image) -> str:
    """A hash of the Dockerfile and everything that it copies."""
    content = hashlib.sha256()
    for source in (f"images/{image.name}/Dockerfile", *_EVERY, *image.sources):
        for file in _files(REPOSITORY / source):
            content.update(str(file.relative_to(REPOSITORY)).encode() + b"\0" + file.read_bytes())
    return content.hexdigest()[:12]


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def buildah(*args: str, check: bool = True) -> str:
    return run(*_command(), *args, check=check, timeout=3600, env={**os.environ, "BUILDAH_ISOLATION": "chroot"})


def _command() -> list[str]:
    """buildah with a storage of our own, which the machine's own images are no part of."""
    storage, state = str(cache("images", "storage")), str(cache("images", "run"))
    return ["buildah", "--root", storage, "--runroot", state, "--storage-driver", "overlay"]


def base() -> None:
    """A Debian with Python, standing in for python:3.11-slim: there may be no registry to pull that from."""
    if buildah("images", "-q", _BASE, check=False).strip():
        return
    say("making a base image with debootstrap (once, 1 minute)")
    root = cache("images") / "base"
    shutil.rmtree(root, ignore_errors=True)
    run("debootstrap", "--variant=minbase", f"--include={_BASE_PACKAGES}", "bookworm", root, timeout=1800)
    shutil.rmtree(root / "var/cache/apt", ignore_errors=True)
    shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
    container = buildah("from", "scratch").strip()
    buildah("add", "-q", container, str(root), "/")
    buildah("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
    buildah("commit", "-q", "--rm", container, _BASE)
    shutil.rmtree(root)


def _build(image: Image, reference: str) -> None:
    build(image, f"localhost/{reference}", cache("images", "documents"))


def build(image: Image, tag: str, documents: Path, *more: str, push: str | None = None) -> None:
    """Build an image as `make images` does, from the base that stands in for python:3.11-slim."""
    base()
    arguments = ["--isolation", "chroot", "--network", "host", "--pull=never", *more]
    # uv's cache, so that what was downloaded once for the virtual environment is not downloaded again.
    uv_cache = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache" / "uv")
    if image is WORKER and uv_cache.is_dir():
        arguments += ["--volume", f"{uv_cache}:/uv-cache:rw", "--build-arg", "UV_CACHE_DIR=/uv-cache"]
    # A network with a certificate authority of its own.
    if certificate := os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"):
        folder = str(Path(certificate).parent)
        arguments += ["--volume", f"{folder}:{folder}:ro", "--build-arg", f"PIP_CERT={certificate}"]
        if image is WORKER:
            arguments += ["--build-arg", f"SSL_CERT_FILE={certificate}"]
    build_py = [sys.executable, REPOSITORY / "images" / "build.py", image.name, "--base", _BASE, "--tag", tag]
    env = {**os.environ, "BUILDAH_ISOLATION": "chroot", "BUILDAH": shlex.join(_command())}
    pushed = ["--push", push] if push else []
    run(*build_py, "--out", documents, *pushed, "--", *arguments, timeout=3600, env=env)


def _push(reference: str) -> None:
    port = free_port() if listens("127.0.0.1", _PUSH_PORT) else _PUSH_PORT
    server = registry.Registry(cache("images", "push"), registry_data(), "127.0.0.1", port)
    server.start()
    try:
        # The fastest compression: reading 6 GB uncompressed costs more than packing them.
        packed = ["--compression-format", "zstd", "--compression-level", "1"]
        target = f"docker://127.0.0.1:{port}/{reference}"
        buildah("push", "-q", "--tls-verify=false", *packed, f"localhost/{reference}", target)
    finally:
        server.stop()


def _tag(reference: str) -> Path:
    """The file by which the registry knows a tag."""
    name, _, tag = reference.rpartition(":")
    return registry_data() / f"docker/registry/v2/repositories/{name}/_manifests/tags/{tag}/current/link"


def kept(image: Image) -> list[str]:
    """The tags of this image that are to stay: the latest used, and any used a moment ago."""
    links = _tags(image)
    recent = [link for link in links[KEPT:] if time.time() - link.stat().st_mtime < _RECENT_SECONDS]
    return [_tag_of(link) for link in links[:KEPT] + recent]


def _tags(image: Image) -> list[Path]:
    """The files of all tags that the registry has of this image, the latest used first."""
    tags = _tag(f"thinksafe/{image.name}:x").parents[2]
    return sorted(tags.glob("*/current/link"), key=lambda link: -link.stat().st_mtime)


def _tag_of(link: Path) -> str:
    return link.parent.parent.name


def _prune(image: Image) -> None:
    """Forget all but the last images of this kind, in the registry and in buildah's storage."""
    stay = kept(image)
    old = [tag for link in _tags(image) if (tag := _tag_of(link)) not in stay]
    for tag in old:
        shutil.rmtree(_tag(f"thinksafe/{image.name}:{tag}").parents[1], ignore_errors=True)
        buildah("rmi", f"localhost/thinksafe/{image.name}:{tag}", check=False)
    if old:
        config = registry.write_config(cache("images", "push"), registry_data(), "127.0.0.1", _PUSH_PORT)
        run(binary("registry"), "garbage-collect", "--delete-untagged", config)


def _make_room() -> None:
    """Start buildah's storage anew once it has outgrown us: it never forgets the layers of old requirements."""
    storage = cache("images", "storage")
    size = int(run("du", "--summarize", "--block-size=1G", storage, check=False).split()[0])
    if size > _STORAGE_GB:
        buildah("rm", "--all", check=False)
        buildah("rmi", "--all", "--force")


def forget_unkept(ctr_images: list[str]) -> list[str]:
    """Of the node's images, the ones of ours that the registry keeps no more."""
    wanted = {f"{registry.NAME}/thinksafe/{i.name}:{tag}" for i in (WORKER, OPERATOR) for tag in kept(i)}
    return [name for name in ctr_images if name.startswith(f"{registry.NAME}/thinksafe/") and name not in wanted]
