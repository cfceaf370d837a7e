{{- define "asksight.name" -}}
{{- if contains "asksight" .Release.Name -}}{{ .Release.Name | trunc 55 | trimSuffix "-" }}{{- else -}}{{ printf "%s-asksight" .Release.Name | trunc 55 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{- define "asksight.selector" -}}
app.kubernetes.io/name: asksight
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "asksight.labels" -}}
{{ include "asksight.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "asksight.container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "asksight.pod" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "asksight.redis" -}}
{{- with .Values.featuresCache -}}
{{- $at := urlParse .url -}}
{{- if and .authority (ne $at.scheme "rediss") -}}
{{- fail "featuresCache.authority is for rediss://, which is TLS." -}}
{{- end -}}
{{- $at.scheme }}://
{{- if .secret }}{{ .user }}:$(REDIS_PASSWORD)@{{ else if .user }}{{ fail "featuresCache.user needs featuresCache.secret, which has the password." }}{{ end -}}
{{- $at.host }}{{ $at.path }}
{{- if .authority }}?ssl_ca_certs=/secrets/redis/ca.crt{{ end -}}
{{- end -}}
{{- end }}

{{- define "asksight.port" -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" (urlParse .url).host) | default .default -}}
{{- end }}

{{- /* Numbers of files of values are floats, which would be written as 2e+06. */}}
{{- define "asksight.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ printf "%.0f" . }}{{ else }}{{ toString . }}{{ end -}}
{{- end }}
