{{/* What the operator may do: what its code does, and nothing else. It reads no Secret. */}}
{{- define "thinksafe.rules" -}}
# create and patch: the runs of an experiment, and their suspension; delete: ttlSecondsAfterFinished
- apiGroups: [thinksafe.dev]
  resources: [thinksaferuns]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [thinksafe.dev]
  resources: [thinksafeexperiments]
  verbs: [get, list, watch, delete]
- apiGroups: [thinksafe.dev]
  resources: [thinksaferuns/status, thinksafeexperiments/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# the progress of a running stage
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# get: whether one that is there already is the run's or the experiment's own
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, create]
# why a pod does not start
- apiGroups: [""]
  resources: [events]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
# why a Job waits; unused where there is no Kueue
- apiGroups: [kueue.x-k8s.io]
  resources: [workloads]
  verbs: [list, watch]
{{- end }}
