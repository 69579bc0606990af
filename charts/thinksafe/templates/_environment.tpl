{{/* The settings of the operator: operator/thinksafe_operator/settings.py. What is empty is not set. */}}
{{- define "thinksafe.environment" -}}
- name: THINKSAFE_WORKER_IMAGE
  value: {{ include "thinksafe.image" (dict "image" .Values.worker.image "version" .Chart.AppVersion) | quote }}
{{- $variables := dict
  "THINKSAFE_WORKER_IMAGE_PULL_POLICY" .Values.worker.image.pullPolicy
  "THINKSAFE_WORKER_SERVICE_ACCOUNT" .Values.worker.serviceAccountName
  "THINKSAFE_WORKER_FIXED_USER" (not .Values.fixedUser | ternary "false" "")
  "THINKSAFE_STORAGE_URI" .Values.storage.uri
  "THINKSAFE_STORAGE_ENDPOINT" .Values.storage.endpoint
  "THINKSAFE_STORAGE_REGION" .Values.storage.region
  "THINKSAFE_STORAGE_SECRET" .Values.storage.secret
  "THINKSAFE_NAMESPACES" (join "," .Values.namespaces) }}
{{- range $name, $value := $variables }}
{{- if $value }}
- name: {{ $name }}
  {{- /* kubelet would replace $(NAME) */}}
  value: {{ $value | replace "$" "$$" | quote }}
{{- end }}
{{- end }}
{{- end }}
