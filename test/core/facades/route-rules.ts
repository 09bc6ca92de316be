import { all, described, type Rule } from './caller-rights.ts';

export const routeRules: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(described.flatMap(({ route, may }) => (route === undefined ? [] : [[route, may]]))),
  ...all(
    'open',
    `GET /(|health|healthz|readyz|openapi.json|docs|redoc|shared|guide|favicon.ico)
    GET /api/health
    GET /sessions/{sid}/desktop
    POST /api/v1/shared(|/files|/file)
    GET /docs/assets/{name}
    GET /guide/(guide.css|guide.js|search.json|{page})
    GET /guide/{folder}/{page}
    GET /static/{name}
    GET /sign-in(|/{provider}|/{provider}/callback)
    POST /sign-in/({provider}/backchannel|token)
    GET /static/novnc/core/({name}|crypto/{name}|decoders/{name}|input/{name}|util/{name})
    GET /static/novnc/vendor/pako/lib/(utils/{name}|zlib/{name})
    ALL /e2b/data`,
  ),
  ...all('visitor', 'POST /api/v1/people/me/commands'),
  ...all('personal', 'POST /api/v1/people/me/keys'),
  ...all('preview', 'ALL /previews/-'),
  ...all(
    'preview', // the volume's token; an API key cannot replace it
    `(GET|POST) /e2b/volumecontent/{volume}/dir
    (GET|PATCH|DELETE) /e2b/volumecontent/{volume}/path
    (GET|PUT) /e2b/volumecontent/{volume}/file`,
  ),
  ...all(
    'any',
    `(GET|POST) /api/v1/sessions
    GET /api/v1/auth/status
    GET /api/v1/config/frontend
    GET /(sessions|trpc)
    GET /api/sessions
    GET /api/v1/projects(|/templates/list|/templates/{template_id})
    GET /api/v1/settings/llm-providers
    POST /(mcp|sign-in/end)
    (GET|POST) /trpc/{path}
    GET /e2b/(sandboxes|snapshots|secrets|volumes)
    GET /e2b/v2/(sandboxes|templates)
    GET /e2b/templates/aliases/{sid}
    ALL /e2b/*
    GET /anthropic/v1/(agents|environments|sessions|vaults|skills|memory_stores|deployments|deployment_runs)
    GET /anthropic/v1/files
    ALL /anthropic/*`,
  ),
  ...all(
    'create',
    `PUT /api/v1/sessions
    POST /api/v1/snapshots/archive
    POST /sessions
    POST /api/sessions
    POST /api/v1/(projects|files)
    GET /ws
    POST /e2b/(sandboxes|secrets|volumes)
    POST /e2b/v2/sandboxes
    POST /e2b/v3/templates
    POST /anthropic/v1/(agents|environments|sessions|vaults|skills|memory_stores|deployments|files)`,
  ),
  ...all(
    'see',
    `GET /sessions/{sid}
    GET /api/sessions/{sid}
    GET /api/v1/projects/({project_id}|{project_id}/chat-sessions)
    GET /api/v1/chats(|/{sid})
    GET /api/v1/sandbox/{sid}/status
    GET /e2b/sandboxes/{sid}`,
  ),
  ...all(
    'read',
    `GET /e2b/templates/{sid}/(builds/{build}/status|files/{hash}|builds/{build}/logs)
    GET /api/v1/volumes/{volume}/(file|backup)
    GET /api/v1/snapshots/{snapshot_id}/archive
    GET /api/v1/skills/{id}/versions/{version}/content
    GET /e2b/sandboxes/{sid}/logs
    GET /e2b/secrets/{secret}
    GET /e2b/v2/sandboxes/{sid}/logs
    GET /api/v1/sessions/({sid}|{sid}/events|{sid}/files|{sid}/ports|{sid}/repositories/patch)
    POST /api/v1/sessions/{sid}/(shell|file|vnc/signed-url)
    GET /api/v1/files/({id}|{id}/info|{id}/download|project/{project_id})
    POST /api/v1/files/{id}/signed-url
    GET /sessions/{sid}/history
    GET /ws/{sid}
    GET /api/sessions/{sid}/(conversation|conversation/full|processes|processes/{pid}/logs|files|files/content)
    GET /api/sessions/{sid}/shells
    POST /api/sessions/{sid}/search/(files|grep)
    GET /api/v1/projects/{project_id}/(agent-config|credentials)
    GET /api/v1/chats/{sid}/(messages|blocks|blocks/{id}|agent-actions|stream|workspace/files)
    GET /api/v1/chats/{sid}/workspace/(files/content|files/download|download-all)
    GET /api/v1/chats/{sid}/credentials
    GET /api/v1/agent-actions/{id}
    GET /streams/sessions/{sid}/(file|zip)
    GET /anthropic/v1/agents/({id}|{id}/versions)
    GET /anthropic/v1/environments/({id}|{id}/work|{id}/work/stats|{id}/work/{work})
    GET /anthropic/v1/sessions/({id}|{id}/events|{id}/events/stream|{id}/threads|{id}/threads/{thread})
    GET /anthropic/v1/sessions/{id}/threads/{thread}/(events|stream)
    POST /anthropic/v1/sessions/{id}/threads/{thread}/archive
    (GET|POST) /anthropic/v1/sessions/{id}/resources
    (GET|POST|DELETE) /anthropic/v1/sessions/{id}/resources/{resource}
    GET /anthropic/v1/deployments/{id}
    GET /anthropic/v1/deployment_runs/{run}
    GET /anthropic/v1/vaults/({id}|{id}/credentials|{id}/credentials/{credential})
    GET /anthropic/v1/memory_stores/({id}|{id}/memories|{id}/memories/{memory}|{id}/memory_versions)
    GET /anthropic/v1/memory_stores/{id}/memory_versions/{memory_version}
    GET /anthropic/v1/skills/({id}|{id}/versions|{id}/versions/{version}|{id}/versions/{version}/content)
    GET /anthropic/v1/files/({id}|{id}/content)`,
  ),
  ...all(
    'manage',
    `DELETE /anthropic/v1/(sessions|environments|memory_stores|vaults|files)/{id}
    DELETE /e2b/secrets/{secret}
    PUT /api/v1/projects/({project_id}|{project_id}/agent-config|{project_id}/credentials/{credential})
    POST /api/v1/projects/{project_id}/agent-config/apply-template/{template_id}`,
  ),
  ...all(
    'work',
    `GET /e2b/volumes/{volume}
    PUT /api/v1/volumes/{volume}/(file|backup)
    POST /api/v1/sessions/{sid}/(chat|pin|edit|fork|clear_unread_message_count)
    PATCH /api/v1/sessions/{sid}/title
    (POST|DELETE) /api/v1/sessions/{sid}/(favorite|share)
    (POST|GET) /api/v1/sessions/{sid}/links
    DELETE /api/v1/sessions/{sid}/(links/{link}|previews/{preview})
    DELETE /api/v1/files/{id}
    (GET|POST) /api/v1/sessions/{sid}/previews
    POST /api/sessions/{sid}/(tasks|processes/{pid}/stop|files/content|shells|shell)
    DELETE /api/shells/{shell_id}
    GET /ws/shells/{shell_id}
    POST /api/v1/projects/{project_id}/chat-sessions
    POST /api/v1/chats(|/{sid}/messages|/{sid}/workspace/files/upload-to-project)
    PUT /api/v1/chats/({sid}|{sid}/credentials/{credential})
    POST /api/v1/sandbox/{sid}/(start|reset|execute)
    POST /api/v1/files/upload/{project_id}
    PUT /streams/sessions/{sid}/file
    POST /streams/sessions/{sid}/exec
    GET /streams/sessions/{sid}/watch
    GET /streams/terminals/{shell_id}
    POST /e2b/sandboxes/{sid}/(connect|timeout|refreshes|pause|snapshots|fork|resume)
    POST /e2b/v2/sandboxes/{sid}/connect
    PUT /e2b/sandboxes/{sid}/network
    POST /e2b/secrets/{secret}
    PUT /api/v1/built-templates/{id}/files/{hash}
    PUT /e2b/templates/{sid}/files/{hash}
    POST /e2b/v2/templates/{sid}/builds/{build}
    (POST|DELETE) /e2b/templates/tags
    GET /e2b/sandboxes/{sid}/metrics
    POST /anthropic/v1/agents/({id}|{id}/archive)
    POST /anthropic/v1/environments/{id}
    GET /anthropic/v1/environments/{id}/work/poll
    POST /anthropic/v1/environments/{id}/work/({work}|{work}/ack|{work}/heartbeat|{work}/stop)
    POST /anthropic/v1/environments/{id}/archive
    (POST|GET) /anthropic/v1/environments/{id}/keys
    DELETE /anthropic/v1/environments/{id}/keys/{key}
    POST /anthropic/v1/sessions/{id}
    POST /anthropic/v1/sessions/{id}/(archive|events)
    POST /anthropic/v1/memory_stores/({id}|{id}/memories/{memory})
    DELETE /anthropic/v1/memory_stores/{id}/memories/{memory}
    POST /anthropic/v1/memory_stores/{id}/(archive|memories|memory_versions/{memory_version}/redact)
    POST /anthropic/v1/skills/{id}/versions
    POST /anthropic/v1/deployments/({id}|{id}/archive|{id}/pause|{id}/unpause|{id}/run)
    POST /anthropic/v1/vaults/({id}|{id}/credentials/{credential})
    DELETE /anthropic/v1/vaults/{id}/credentials/{credential}
    POST /anthropic/v1/vaults/{id}/(archive|credentials|credentials/{credential}/archive)
    POST /anthropic/v1/vaults/{id}/credentials/{credential}/mcp_oauth_validate`,
  ),
  ...all(
    'stop',
    `DELETE /anthropic/v1/skills/({id}|{id}/versions/{version})
    DELETE /e2b/volumes/{volume}
    DELETE /e2b/templates/{sid}
    DELETE /api/v1/sessions/{sid}
    POST /api/v1/sessions/{sid}/stop
    DELETE /sessions/{sid}
    DELETE /api/sessions/{sid}
    DELETE /api/v1/projects/({project_id}|{project_id}/credentials/{credential})
    DELETE /api/v1/chats/({sid}|{sid}/credentials/{credential})
    POST /api/v1/sandbox/{sid}/stop
    DELETE /e2b/sandboxes/{sid}`,
  ),
  ...all(
    'supervise',
    'GET /e2b/templates/{sid}/tags\nGET /api/v1/(snapshots/{snapshot_id}|volumes/{volume}|automations/{id}|webhooks/{id})',
  ),
  ...all('screen', 'GET /api/v1/sessions/{sid}/vnc'),
  ...all('create', 'GET /anthropic/v1/models\nGET /anthropic/v1/models/*'),
  ...all('create', 'PUT /api/v1/boxes/{name}'),
  ...all('own', 'GET /api/v1/boxes/{name}'),
  ...all('own-work', 'PATCH /api/v1/boxes/{name}\nDELETE /api/v1/boxes/{name}'),
  ...all('operator', 'GET /metrics\nGET /health/detailed'),
  ...all(
    'admin',
    `(GET|POST) /api/v1/settings/api-keys
    POST /api/v1/settings/api-keys/test
    DELETE /api/v1/settings/api-keys/{provider}`,
  ),
  ...all('signed', 'POST /api/v1/hooks/{id}'),
  ...all('shown', 'GET /api/v1/sessions/shared/{sid}\nGET /api/v1/sessions/{sid}/share/files'),
};
