{{/* Contradictions that a schema cannot tell. Included by the Deployment, which is in every release. */}}
{{- define "thinksafe.validate" -}}
{{- with .Values.storage -}}
  {{- if and (not .uri) (or .endpoint .region .secret) -}}
    {{- fail "storage: endpoint, region or secret is set, but uri is not. Set storage.uri, or leave all of them empty" -}}
  {{- end -}}
  {{- if and (hasPrefix "file:" .uri) (or .endpoint .region .secret) -}}
    {{- fail (printf "storage.uri: %s is a folder, but endpoint, region or secret is set, which are for s3://" .uri) -}}
  {{- end -}}
{{- end -}}
{{- with .Values.serviceAccount -}}
  {{- if and (not .create) (not .name) -}}
    {{- fail "serviceAccount.create is false: say in serviceAccount.name which one the operator has" -}}
  {{- end -}}
  {{- if and (not .create) .annotations -}}
    {{- fail "serviceAccount.annotations: the chart does not annotate a service account that it did not make (serviceAccount.create is false)" -}}
  {{- end -}}
{{- end -}}
{{- if .Values.networkPolicy.enabled -}}
  {{- $workers := .Values.networkPolicy.workers.namespaces -}}
  {{- if not (or $workers .Values.namespaces) -}}
    {{- fail "networkPolicy.enabled: a NetworkPolicy belongs to one namespace. Say in networkPolicy.workers.namespaces in which namespaces runs are made" -}}
  {{- end -}}
  {{- if .Values.namespaces -}}
    {{- range $workers -}}
      {{- if not (has . $.Values.namespaces) -}}
        {{- fail (printf "networkPolicy.workers.namespaces: the operator does not look after %s (namespaces is %s)" . (join ", " $.Values.namespaces)) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end }}
