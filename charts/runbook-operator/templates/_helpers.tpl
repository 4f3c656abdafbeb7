{{- define "runbook-operator.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "runbook-operator.selectorLabels" -}}
app.kubernetes.io/name: runbook-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "runbook-operator.labels" -}}
{{ include "runbook-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}
