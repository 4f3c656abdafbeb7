{{- define "runbook-operator.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "runbook-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "runbook-operator.name" .) -}}
{{- end -}}

{{- define "runbook-operator.metricsService" -}}
{{- include "runbook-operator.name" . }}-metrics
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

{{- /* Which of Prometheus's series are the operator's: as a ServiceMonitor labels them, unless the user knows better. */ -}}
{{- define "runbook-operator.seriesSelector" -}}
{{- $default := printf "job=%q,namespace=%q" (include "runbook-operator.metricsService" .) .Release.Namespace -}}
{{- .Values.prometheusRule.selector | default $default -}}
{{- end -}}
