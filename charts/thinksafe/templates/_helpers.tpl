{{/* The first part of every name: at most 50 characters, so that no suffix makes it longer than a label may be. */}}
{{- define "thinksafe.fullname" -}}
{{- $release := .Release.Name | trunc 31 | trimSuffix "-" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if hasSuffix "thinksafe-operator" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else if contains "thinksafe" $release -}}
{{- printf "%s-operator" $release -}}
{{- else -}}
{{- printf "%s-thinksafe-operator" $release -}}
{{- end -}}
{{- end }}

{{- define "thinksafe.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "thinksafe.fullname" .) -}}
{{- end }}

{{/* By these the Deployment and the Service find the pod; they never change. */}}
{{- define "thinksafe.selectorLabels" -}}
app.kubernetes.io/name: thinksafe-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/*
Labels of an object: (list $ more…). Ours hold against those of the values; the schema refuses to set them.
*/}}
{{- define "thinksafe.labels" -}}
{{- $top := first . -}}
{{- $labels := fromYaml (include "thinksafe.selectorLabels" $top) -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $top.Chart.Name $top.Chart.Version | replace "+" "_" | trunc 63) -}}
{{- $_ := set $labels "app.kubernetes.io/part-of" "thinksafe" -}}
{{- $_ := set $labels "app.kubernetes.io/version" $top.Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $top.Release.Service -}}
{{- range rest . -}}
{{- $labels = merge $labels . -}}
{{- end -}}
{{- toYaml (merge $labels $top.Values.commonLabels) -}}
{{- end }}

{{/* An image from {repository, tag, digest}: (dict "image" … "version" …) */}}
{{- define "thinksafe.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .version) -}}
{{- end -}}
{{- end }}

{{/* What Pod Security's "restricted" asks of a pod, and more. The number is the image's own user; any other will do. */}}
{{- define "thinksafe.podSecurity" -}}
runAsNonRoot: true
{{- if .Values.fixedUser }}
runAsUser: 65532
runAsGroup: 65532
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "thinksafe.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
