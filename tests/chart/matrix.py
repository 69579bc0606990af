"""The sets of values with which the chart is rendered and judged as a whole."""

DIGEST = "sha256:" + "0" * 64
NAMESPACES = ["team-a", "team-b"]

# Every toggle on, every value said.
EVERYTHING = {
    "image": {"repository": "registry.example.org/operator", "digest": DIGEST, "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "worker": {
        "image": {"repository": "registry.example.org/worker", "tag": "1.2.3-cuda", "pullPolicy": "IfNotPresent"},
        "serviceAccountName": "workers",
    },
    "storage": {
        "uri": "s3://bucket/{namespace}",
        "endpoint": "https://s3.example.org",
        "region": "eu-1",
        "secret": "thinksafe-storage",
    },
    "replicas": 2,
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "control", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]},
                }
            ]
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "thinksafe-operator"}},
                    },
                }
            ]
        },
    },
    "priorityClassName": "system-cluster-critical",
    "commonLabels": {"team": "alignment"},
    "podLabels": {"sidecar.example.org/inject": "false"},
    "podAnnotations": {"example.org/note": "a note"},
    "serviceAccount": {"annotations": {"example.org/role": "operator"}},
    "metrics": {
        "serviceMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True},
        "alerts": {"enabled": True, "labels": {"release": "prometheus"}},
    },
    "networkPolicy": {"enabled": True, "workers": {"namespaces": NAMESPACES}},
}
NOTHING = {
    "crds": {"enabled": False},
    "tenancy": {"enabled": False},
    "rbac": {"create": False, "aggregate": False},
    "serviceAccount": {"create": False, "name": "mine"},
}
MATRIX = {
    "default": {},
    "namespaced": {"namespaces": NAMESPACES},
    "one namespace": {"namespaces": ["team-a"], "networkPolicy": {"enabled": True}},
    "everything": EVERYTHING,
    "everything, namespaced": EVERYTHING | {"namespaces": NAMESPACES},
    "nothing": NOTHING,
    "no rights": {"rbac": {"create": False}},
    "not kept": {"crds": {"keep": False}},
    "no replicas": {"replicas": 0},
    "no user number": {"fixedUser": False},
    "a folder as the store": {"storage": {"uri": "file:///srv/thinksafe"}},
}
