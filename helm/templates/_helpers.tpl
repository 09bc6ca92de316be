{{- define "corral.name" -}}
{{- .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "corral.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 31 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 31 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Two releases of one name in two namespaces may share a sandbox namespace only if their objects can be distinguished there. */}}
{{- define "corral.instance" -}}
{{- printf "%s-%s" (include "corral.fullname" . | trunc 20 | trimSuffix "-") (sha256sum .Release.Namespace | trunc 8) -}}
{{- end -}}

{{- define "corral.sandboxNamespace" -}}
{{- .Values.sandbox.namespace | default (printf "%s-%s-sandboxes" .Release.Namespace (include "corral.fullname" .) | trunc 63 | trimSuffix "-") -}}
{{- end -}}

{{- define "corral.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/name: {{ include "corral.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "corral.serverLabels" -}}
app.kubernetes.io/name: {{ include "corral.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "corral.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{- define "corral.authSecret" -}}
{{- .Values.auth.existingSecret | default (printf "%s-auth" (include "corral.fullname" .)) -}}
{{- end -}}

{{/* Secret and key that hold MONGODB_URL; a chart without a database is refused, for its replicas could share nothing. */}}
{{- define "corral.mongoSecret" -}}
{{- $sources := 0 -}}
{{- if .Values.mongodb.url }}{{ $sources = add1 $sources }}{{ end -}}
{{- if .Values.mongodb.existingSecret }}{{ $sources = add1 $sources }}{{ end -}}
{{- if .Values.mongodb.bundled.enabled }}{{ $sources = add1 $sources }}{{ end -}}
{{- if ne (int $sources) 1 -}}
{{- fail "Corral needs one MongoDB for its replicas: set exactly one of mongodb.url, mongodb.existingSecret and mongodb.bundled.enabled." -}}
{{- end -}}
{{- .Values.mongodb.existingSecret | default (printf "%s-mongodb" (include "corral.fullname" .)) -}}
{{- end -}}

{{- define "corral.mongoKey" -}}
{{- if .Values.mongodb.existingSecret }}{{ .Values.mongodb.existingSecretKey }}{{ else }}mongodb-url{{ end -}}
{{- end -}}

{{/* OpenShift gives each namespace its own user ids, and refuses pods that name others. */}}
{{- define "corral.assignsUsers" -}}
{{- if .Capabilities.APIVersions.Has "security.openshift.io/v1" }}yes{{ end -}}
{{- end -}}

{{/* What runs as us, hardened like a sandbox: no root, no capability, no writable root file system. */}}
{{- define "corral.podSecurity" -}}
runAsNonRoot: true
{{- if not (include "corral.assignsUsers" .) }}
runAsUser: 10000
runAsGroup: 10000
fsGroup: 10000
{{- end }}
seccompProfile: { type: RuntimeDefault }
{{- end -}}
{{- define "corral.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* The part of the server's environment that its jobs need as well. */}}
{{- define "corral.env" -}}
- name: CORRAL_TOKEN
  valueFrom: { secretKeyRef: { name: {{ include "corral.authSecret" . }}, key: token } }
- name: CORRAL_KEYS_ENCRYPTION_KEY
  valueFrom: { secretKeyRef: { name: {{ include "corral.authSecret" . }}, key: encryption-key } }
- name: MONGODB_URL
  valueFrom: { secretKeyRef: { name: {{ include "corral.mongoSecret" . }}, key: {{ include "corral.mongoKey" . }} } }
{{- end -}}

{{- define "corral.daemonPort" -}}
{{- dig "kubernetes" "daemon-port" 2718 .Values.config -}}
{{- end -}}

{{- define "corral.serverPeer" -}}
{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .Release.Namespace }} } }, podSelector: { matchLabels: { app.kubernetes.io/name: {{ include "corral.name" . }}, app.kubernetes.io/instance: {{ .Release.Name }}, app.kubernetes.io/component: server } } }
{{- end -}}

{{/* The pod of a job that runs one of the server's commands: (list context serviceAccount arguments). */}}
{{- define "corral.jobPod" -}}
{{- $ := index . 0 -}}
restartPolicy: Never
serviceAccountName: {{ index . 1 }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with $.Values.imagePullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}{{ end }}
{{- end }}
securityContext: {{- include "corral.podSecurity" $ | nindent 2 }}
containers:
  - name: corral
    image: {{ include "corral.image" $ }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    args: {{ index . 2 | toJson }}
    securityContext: {{- include "corral.containerSecurity" $ | nindent 6 }}
    env:
      - { name: CORRAL_DRIVER, value: kubernetes }
      - { name: CORRAL_INSTANCE, value: {{ include "corral.instance" $ }} }
      - { name: CORRAL_KUBERNETES_NAMESPACE, value: {{ include "corral.sandboxNamespace" $ }} }
      - { name: CORRAL_DATA_DIR, value: /tmp/corral }
      - { name: HOST, value: 127.0.0.1 }
    resources: { requests: { cpu: 50m, memory: 96Mi }, limits: { memory: 256Mi } }
    volumeMounts:
      - { name: tmp, mountPath: /tmp }
volumes:
  - name: tmp
    emptyDir: {}
{{- end -}}
