"""The images of the worker and the operator, built from their Dockerfiles by buildah and pushed to the registry.

An image's tag is a hash of all it is made of, so one that is in the registry already is not built again; and where
only the code changed, only the code's layer is built, pushed and pulled.
"""

import contextlib
import hashlib
import os
import shlex
import shutil
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster import registry
from cluster.binaries import binary
from cluster.places import REPOSITORY, cache, locked, temporary, try_lock
from cluster.process import free_port, listens, run
from cluster.say import say

KEPT = 2  # images of a kind that stay in the caches, beside those that a cluster may be about to pull
_RECENT_SECONDS = 900
_PUSH_PORT = 5743  # always the same: buildah remembers by address which layers a registry has
_PRUNED_GB, _STORAGE_GB = 12, 25
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


def tidy() -> None:
    """Forget the images that nobody needs any more; whoever builds one just now does it when done."""
    if lock := try_lock(cache("images") / "lock"):
        for image in (WORKER, OPERATOR):
            _prune(image)
        lock.close()


def kept(image: Image) -> list[str]:
    """The tags of this image that are to stay."""
    named = {line.rpartition(":")[2] for file in temporary().glob("cluster-*/images") for line in _lines(file)}
    return worth_keeping(_ages(image), named)


def worth_keeping(ages: Mapping[str, float], in_use: Collection[str]) -> list[str]:
    """Pure: of an image's tags, by the seconds since each was asked for, those that stay.

    The latest, for the next cluster; what was asked for a moment ago, since somebody is about to pull it; and what a
    cluster has that runs.
    """
    latest = sorted(ages, key=ages.__getitem__)
    return [tag for n, tag in enumerate(latest) if n < KEPT or ages[tag] < _RECENT_SECONDS or tag in in_use]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except FileNotFoundError:  # that cluster ends just now
        return []


def _ages(image: Image) -> dict[str, float]:
    """All tags that the registry has of this image, with the seconds since somebody asked for each."""
    tags = _tag(f"thinksafe/{image.name}:x").parents[2]
    found = {}
    for link in tags.glob("*/current/link"):
        with contextlib.suppress(FileNotFoundError):  # another session forgets it just now
            found[link.parent.parent.name] = time.time() - link.stat().st_mtime
    return found


def _prune(image: Image) -> None:
    """Forget the images of this kind that are not kept, in the registry and in buildah's storage."""
    stay = kept(image)
    old = [tag for tag in _ages(image) if tag not in stay]
    for tag in old:
        shutil.rmtree(_tag(f"thinksafe/{image.name}:{tag}").parents[1], ignore_errors=True)
        buildah("rmi", f"localhost/thinksafe/{image.name}:{tag}", check=False)
    if old:
        config = registry.write_config(cache("images", "push"), registry_data(), "127.0.0.1", _PUSH_PORT)
        run(binary("registry"), "garbage-collect", "--delete-untagged", config)


def _make_room() -> None:
    """Make buildah forget: first what no image is made of, and all where that is not enough.

    An image that is removed leaves the layers of its requirements, 7 GB, as long as a stage beside it (the code, the
    bill of materials) stands on them. Without these stages the next build is half a minute slower, so not each time.
    """
    if _storage_gigabytes() > _PRUNED_GB:
        buildah("rmi", "--prune", check=False)
        if _storage_gigabytes() > _STORAGE_GB:
            buildah("rm", "--all", check=False)
            buildah("rmi", "--all", "--force")


def _storage_gigabytes() -> int:
    return int(run("du", "--summarize", "--block-size=1G", cache("images", "storage"), check=False).split()[0])


def forget_unkept(ctr_images: list[str]) -> list[str]:
    """Of the node's images, the ones of ours that the registry keeps no more."""
    wanted = {f"{registry.NAME}/thinksafe/{i.name}:{tag}" for i in (WORKER, OPERATOR) for tag in kept(i)}
    return [name for name in ctr_images if name.startswith(f"{registry.NAME}/thinksafe/") and name not in wanted]
