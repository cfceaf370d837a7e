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
