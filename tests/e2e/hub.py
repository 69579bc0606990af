"""A played model hub, as a pod: there is no real one in reach of the tests.

It answers as the real one does for a gated model: anyone may look it up, and its files are refused (403 with the
header X-Error-Code: GatedRepo). It knows no other model.
"""

from e2e import jobs
from e2e.namespace import Namespace

NAME, PORT = "hub", 8000
GATED = "played/gated-model"

_SERVER = f"""
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/api/models/{GATED}"):
            told = {{"id": "{GATED}", "sha": "0" * 40, "gated": "manual", "siblings": []}}
            self.answer(200, json.dumps(told).encode())
        else:
            self.do_HEAD()

    def do_HEAD(self):
        gated = self.path.startswith("/{GATED}/resolve/")
        self.answer(403 if gated else 404, b"", "GatedRepo" if gated else "RepoNotFound")

    def answer(self, code, body, error=None):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

ThreadingHTTPServer(("", {PORT}), Hub).serve_forever()
"""


def start(namespace: Namespace) -> str:
    """Start it in the namespace; returns the value of HF_ENDPOINT that leads there from a pod."""
    pod = jobs.pod_spec(namespace.cluster.operator_image, ["-c", _SERVER], command=["python"])
    labels = {"app": NAME}
    namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": labels}, "spec": pod})
    service = {"clusterIP": "None", "selector": labels, "ports": [{"port": PORT}]}
    namespace.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": service})
    return f"http://{NAME}.{namespace.name}.svc.cluster.local:{PORT}"
