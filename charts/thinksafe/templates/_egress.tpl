{{/*
Egress rules of the values as they are rendered: no rule reaches a link-local address, where clouds keep the
credentials of a machine (169.254.0.0/16, fe80::/10, and Amazon's fd00:ec2::254). A block that contains one gets an
exception; a block that is one is refused. (dict "rules" … "where" "networkPolicy.workers.egress")
*/}}
{{- define "thinksafe.egress" -}}
{{- $rules := list -}}
{{- range .rules -}}
  {{- $peers := list -}}
  {{- range .to -}}
    {{- if .ipBlock -}}
      {{- $blocked := include "thinksafe.blocked" (dict "cidr" .ipBlock.cidr "where" $.where) | splitList " " | compact -}}
      {{- $except := concat (.ipBlock.except | default list) $blocked | uniq -}}
      {{- $block := dict "cidr" .ipBlock.cidr -}}
      {{- if $except -}}{{- $_ := set $block "except" $except -}}{{- end -}}
      {{- $peers = append $peers (dict "ipBlock" $block) -}}
    {{- else -}}
      {{- $peers = append $peers . -}}
    {{- end -}}
  {{- end -}}
  {{- $rules = append $rules (merge (dict "to" $peers) .) -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end }}

{{/* The link-local addresses in a block, with blanks between; fails for a block of nothing else. */}}
{{- define "thinksafe.blocked" -}}
{{- $parts := splitList "/" (lower .cidr) -}}
{{- $address := first $parts -}}
{{- $length := last $parts | int -}}
{{- $refusal := printf "%s: %s is link-local: clouds keep the credentials of a machine there" .where .cidr -}}
{{- if contains ":" $address -}}
  {{- if or (regexMatch "^fe[89ab]" $address) (regexMatch "^fd00:0*ec2:" $address) -}}
    {{- fail $refusal -}}
  {{- else if eq .cidr "::/0" -}}
    fe80::/10 fd00:ec2::254/128
  {{- else if or (has .cidr (list "fc00::/7" "fd00::/8")) (and (regexMatch "^fd00::$" $address) (le $length 20)) -}}
    fd00:ec2::254/128
  {{- else if and (lt $length 10) (not (regexMatch "^[23]" $address)) -}}
    {{- fail (printf "%s: %s is too wide: say ::/0, 2000::/3, fc00::/7, fd00::/8 or something narrower" .where .cidr) -}}
  {{- end -}}
{{- else -}}
  {{- $number := 0 -}}
  {{- range splitList "." $address -}}{{- $number = add (mul $number 256) (int .) -}}{{- end -}}
  {{- $size := 65536 -}}
  {{- range untilStep (min 16 $length | int) 16 1 -}}{{- $size = mul $size 2 -}}{{- end -}}
  {{- if eq (div $number $size) (div 2851995648 $size) -}}
    {{- if ge $length 16 -}}{{- fail $refusal -}}{{- end -}}
    169.254.0.0/16
  {{- end -}}
{{- end -}}
{{- end }}

{{/* Questions of names, to the peers of networkPolicy.dns. 5353 is where OpenShift's DNS listens. */}}
{{- define "thinksafe.dns" -}}
{{- $ports := list -}}
{{- range $port := list 53 5353 -}}
  {{- range list "UDP" "TCP" -}}{{- $ports = append $ports (dict "protocol" . "port" $port) -}}{{- end -}}
{{- end -}}
{{- $rule := dict "to" .Values.networkPolicy.dns "ports" $ports -}}
{{- include "thinksafe.egress" (dict "rules" (list $rule) "where" "networkPolicy.dns") -}}
{{- end }}
