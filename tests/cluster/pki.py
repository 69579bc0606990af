"""Certificates and tokens of one cluster: valid for two days, never used twice."""

import datetime
import ipaddress
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Who may speak to the API server, by token: user -> groups.
USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "system:node:gpu-node": "system:nodes",
    "coredns": "system:masters",  # it only reads
}


class Pki:
    """A certificate authority in a folder, with what it signed: NAME.crt and NAME.key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.tokens = {user: secrets.token_hex(16) for user in USERS}
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "thinksafe-tests")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        built = _certificate(self._name, self._name, self._key).add_extension(constraints, critical=True)
        self._write("ca", built.sign(self._key, hashes.SHA256()), self._key)
        service_accounts = ec.generate_private_key(ec.SECP256R1())
        self._write("service-accounts", None, service_accounts)
        public = service_accounts.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.path("service-accounts.pub").write_bytes(public)

    def path(self, name: str) -> Path:
        return self.folder / name

    def sign(self, name: str, common_name: str, *, hosts: Sequence[str] = (), organisation: str = "") -> None:
        """A certificate for a server at these names and addresses, or for a client in this group."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organisation:
            subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        built = _certificate(x509.Name(subject), self._name, key).add_extension(usage, critical=False)
        if hosts:
            built = built.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
        self._write(name, built.sign(self._key, hashes.SHA256()), key)

    def write_tokens(self) -> Path:
        """The API server's static token file."""
        lines = [f'{self.tokens[user]},{user},{user},"{groups}"' for user, groups in USERS.items()]
        file = self.path("tokens.csv")
        _write_private(file, ("\n".join(lines) + "\n").encode())
        return file

    def kubeconfig(self, user: str, server: str) -> Path:
        """A kubeconfig for one of USERS."""
        file = self.path(f"{user.rpartition(':')[2]}.kubeconfig")
        content = _KUBECONFIG.format(ca=self.path("ca.crt"), server=server, token=self.tokens[user])
        _write_private(file, content.encode())
        return file

    def _write(self, name: str, certificate: x509.Certificate | None, key: ec.EllipticCurvePrivateKey) -> None:
        if certificate is not None:
            self.path(f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write_private(self.path(f"{name}.key"), private)


_KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{{name: thinksafe-tests, cluster: {{server: "{server}", certificate-authority: "{ca}"}}}}]
users: [{{name: user, user: {{token: "{token}"}}}}]
contexts: [{{name: thinksafe-tests, context: {{cluster: thinksafe-tests, user: user}}}}]
current-context: thinksafe-tests
"""


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # tests that turn the clock back a little go on working
        .not_valid_after(now + datetime.timedelta(days=2))
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_private(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)
