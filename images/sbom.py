"""The bill of materials of an image, as CycloneDX: what cyclonedx-py finds in its environment, and Debian's packages.

It runs while the image is built, on all that will be in it but our own code:

    python sbom.py NAME VERSION PYTHON > sbom.cdx.json

`NAME` and `VERSION` are the image's, `PYTHON` is the interpreter whose environment is listed. The same contents make
the same bytes: there is no time and no random number in it.
"""

import json
import subprocess
import sys
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

SCHEMA = SchemaVersion.V1_6


def main() -> None:
    """Print the document; ends with an error if it is not what the schema says."""
    name, version, python = sys.argv[1:]
    document = packages(python)
    interpreter = run(python, "-c", "import platform; print(platform.python_version())").strip()
    ours = {"type": "library", "bom-ref": f"thinksafe=={version}", "name": "thinksafe", "version": version}
    added = [ours, {"type": "platform", "bom-ref": "python", "name": "python", "version": interpreter}]
    added += [system(), *debian()]
    document["components"] = sorted([*document["components"], *added], key=lambda c: (c["type"], c["bom-ref"]))
    document["metadata"]["component"] = {"type": "container", "bom-ref": name, "name": name, "version": version}
    text = json.dumps(document, indent=1, sort_keys=True)
    if error := JsonStrictValidator(SCHEMA).validate_str(text):
        sys.exit(f"the bill of materials is not CycloneDX {SCHEMA.to_version()}: {error}")
    print(text)


def packages(python: str) -> dict:
    """What cyclonedx-py says of an environment."""
    listed = run(sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible",
                 "--spec-version", SCHEMA.to_version(), "--output-format", "JSON", python)  # fmt: skip
    return json.loads(listed)


def debian() -> list[dict]:
    """Debian's packages, as components with their package URLs."""
    rows = run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n")
    installed = (row.split("\t") for row in rows.splitlines() if row.startswith("ii"))
    return [
        {
            "type": "library",
            "bom-ref": f"deb:{package}:{architecture}",
            "name": package,
            "version": version,
            "purl": f"pkg:deb/debian/{quote(package)}@{quote(version)}?arch={architecture}",
        }
        for _, package, version, architecture in installed
    ]


def system() -> dict:
    """The distribution."""
    told = run("sh", "-c", '. /etc/os-release; echo "$ID $VERSION_ID"').split()
    return {"type": "operating-system", "bom-ref": "os", "name": told[0], "version": told[1]}


def run(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main()
