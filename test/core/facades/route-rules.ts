import { all, described, type Rule } from './caller-rights.ts';

export const routeRules: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(described.flatMap(({ route, may }) => (route === undefined ? [] : [[route, may]]))),
  ...all(
    'open',
    `GET /
    GET /health
    GET /healthz
    GET /readyz
    GET /api/health
    GET /openapi.json
    GET /docs
    GET /redoc
    GET /sessions/{sid}/desktop
    GET /shared
    POST /api/v1/shared
    POST /api/v1/shared/files
    POST /api/v1/shared/file
    GET /docs/assets/{name}
    GET /guide
    GET /guide/guide.css
    GET /guide/guide.js
    GET /guide/search.json
    GET /guide/{page}
    GET /guide/{folder}/{page}
    GET /favicon.ico
    GET /static/{name}
    GET /static/novnc/core/{name}
    GET /static/novnc/core/crypto/{name}
    GET /static/novnc/core/decoders/{name}
    GET /static/novnc/core/input/{name}
    GET /static/novnc/core/util/{name}
    GET /static/novnc/vendor/pako/lib/utils/{name}
    GET /static/novnc/vendor/pako/lib/zlib/{name}
    ALL /e2b/data`,
  ),
  ...all('preview', 'ALL /previews/-'),
  ...all(
    'preview', // the token of the volume, which no key replaces
    `GET /e2b/volumecontent/{volume}/dir
    POST /e2b/volumecontent/{volume}/dir
    GET /e2b/volumecontent/{volume}/path
    PATCH /e2b/volumecontent/{volume}/path
    DELETE /e2b/volumecontent/{volume}/path
    GET /e2b/volumecontent/{volume}/file
    PUT /e2b/volumecontent/{volume}/file`,
  ),
  ...all(
    'any',
    `GET /api/v1/sessions
    POST /api/v1/sessions
    GET /api/v1/auth/status
    GET /api/v1/config/frontend
    GET /sessions
    GET /api/sessions
    GET /api/v1/projects
    GET /api/v1/projects/templates/list
    GET /api/v1/projects/templates/{template_id}
    GET /api/v1/settings/llm-providers
    POST /mcp
    GET /trpc
    GET /trpc/{path}
    POST /trpc/{path}
    GET /e2b/sandboxes
    GET /e2b/v2/sandboxes
    GET /e2b/v2/templates
    GET /e2b/snapshots
    GET /e2b/secrets
    GET /e2b/volumes
    GET /e2b/templates/aliases/{sid}
    ALL /e2b/*
    GET /anthropic/v1/agents
    GET /anthropic/v1/environments
    GET /anthropic/v1/sessions
    GET /anthropic/v1/vaults
    GET /anthropic/v1/skills
    GET /anthropic/v1/memory_stores
    GET /anthropic/v1/deployments
    GET /anthropic/v1/deployment_runs
    GET /anthropic/v1/files
    ALL /anthropic/*`,
  ),
  ...all(
    'create',
    `PUT /api/v1/sessions
    POST /api/v1/snapshots/archive
    POST /sessions
    POST /api/sessions
    POST /api/v1/projects
    POST /api/v1/files
    GET /ws
    POST /e2b/sandboxes
    POST /e2b/v2/sandboxes
    POST /e2b/secrets
    POST /e2b/v3/templates
    POST /e2b/volumes
    POST /anthropic/v1/agents
    POST /anthropic/v1/environments
    POST /anthropic/v1/sessions
    POST /anthropic/v1/vaults
    POST /anthropic/v1/skills
    POST /anthropic/v1/memory_stores
    POST /anthropic/v1/deployments
    POST /anthropic/v1/files`,
  ),
  ...all(
    'see',
    `GET /sessions/{sid}
    GET /api/sessions/{sid}
    GET /api/v1/projects/{project_id}
    GET /api/v1/projects/{project_id}/chat-sessions
    GET /api/v1/chats
    GET /api/v1/chats/{sid}
    GET /api/v1/sandbox/{sid}/status
    GET /e2b/templates/{sid}/tags
    GET /e2b/sandboxes/{sid}`,
  ),
  ...all(
    'read',
    `GET /e2b/templates/{sid}/builds/{build}/status
    GET /e2b/templates/{sid}/files/{hash}
    GET /e2b/templates/{sid}/builds/{build}/logs
    GET /api/v1/volumes/{volume}/file
    GET /api/v1/volumes/{volume}/backup
    GET /api/v1/snapshots/{snapshot_id}/archive
    GET /api/v1/skills/{id}/versions/{version}/content
    GET /e2b/sandboxes/{sid}/logs
    GET /e2b/secrets/{secret}
    GET /e2b/v2/sandboxes/{sid}/logs
    GET /api/v1/sessions/{sid}
    GET /api/v1/sessions/{sid}/events
    POST /api/v1/sessions/{sid}/shell
    POST /api/v1/sessions/{sid}/file
    GET /api/v1/sessions/{sid}/files
    POST /api/v1/sessions/{sid}/vnc/signed-url
    GET /api/v1/files/{id}
    GET /api/v1/files/{id}/info
    GET /api/v1/files/{id}/download
    POST /api/v1/files/{id}/signed-url
    GET /sessions/{sid}/history
    GET /ws/{sid}
    GET /api/v1/sessions/{sid}/ports
    GET /api/v1/sessions/{sid}/repositories/patch
    GET /api/sessions/{sid}/conversation
    GET /api/sessions/{sid}/conversation/full
    GET /api/sessions/{sid}/processes
    GET /api/sessions/{sid}/processes/{pid}/logs
    GET /api/sessions/{sid}/files
    GET /api/sessions/{sid}/files/content
    POST /api/sessions/{sid}/search/files
    POST /api/sessions/{sid}/search/grep
    GET /api/sessions/{sid}/shells
    GET /api/v1/projects/{project_id}/agent-config
    GET /api/v1/chats/{sid}/messages
    GET /api/v1/chats/{sid}/blocks
    GET /api/v1/chats/{sid}/blocks/{id}
    GET /api/v1/chats/{sid}/agent-actions
    GET /api/v1/agent-actions/{id}
    GET /api/v1/chats/{sid}/stream
    GET /api/v1/chats/{sid}/workspace/files
    GET /api/v1/chats/{sid}/workspace/files/content
    GET /api/v1/chats/{sid}/workspace/files/download
    GET /api/v1/chats/{sid}/workspace/download-all
    GET /api/v1/files/project/{project_id}
    GET /api/v1/chats/{sid}/credentials
    GET /api/v1/projects/{project_id}/credentials
    GET /streams/sessions/{sid}/file
    GET /streams/sessions/{sid}/zip
    GET /anthropic/v1/agents/{id}
    GET /anthropic/v1/agents/{id}/versions
    GET /anthropic/v1/environments/{id}
    GET /anthropic/v1/environments/{id}/work
    GET /anthropic/v1/environments/{id}/work/stats
    GET /anthropic/v1/environments/{id}/work/{work}
    GET /anthropic/v1/sessions/{id}
    GET /anthropic/v1/sessions/{id}/events
    GET /anthropic/v1/sessions/{id}/events/stream
    GET /anthropic/v1/sessions/{id}/threads
    GET /anthropic/v1/sessions/{id}/threads/{thread}
    GET /anthropic/v1/sessions/{id}/threads/{thread}/events
    GET /anthropic/v1/sessions/{id}/threads/{thread}/stream
    POST /anthropic/v1/sessions/{id}/threads/{thread}/archive
    GET /anthropic/v1/sessions/{id}/resources
    GET /anthropic/v1/sessions/{id}/resources/{resource}
    POST /anthropic/v1/sessions/{id}/resources
    POST /anthropic/v1/sessions/{id}/resources/{resource}
    DELETE /anthropic/v1/sessions/{id}/resources/{resource}
    GET /anthropic/v1/deployments/{id}
    GET /anthropic/v1/deployment_runs/{run}
    GET /anthropic/v1/vaults/{id}
    GET /anthropic/v1/vaults/{id}/credentials
    GET /anthropic/v1/vaults/{id}/credentials/{credential}
    GET /anthropic/v1/memory_stores/{id}
    GET /anthropic/v1/memory_stores/{id}/memories
    GET /anthropic/v1/memory_stores/{id}/memories/{memory}
    GET /anthropic/v1/memory_stores/{id}/memory_versions
    GET /anthropic/v1/memory_stores/{id}/memory_versions/{memory_version}
    GET /anthropic/v1/skills/{id}
    GET /anthropic/v1/skills/{id}/versions
    GET /anthropic/v1/skills/{id}/versions/{version}
    GET /anthropic/v1/skills/{id}/versions/{version}/content
    GET /anthropic/v1/files/{id}
    GET /anthropic/v1/files/{id}/content`,
  ),
  ...all(
    'work',
    `GET /e2b/volumes/{volume}
    PUT /api/v1/volumes/{volume}/file
    PUT /api/v1/volumes/{volume}/backup
    POST /api/v1/sessions/{sid}/chat
    PATCH /api/v1/sessions/{sid}/title
    POST /api/v1/sessions/{sid}/favorite
    DELETE /api/v1/sessions/{sid}/favorite
    POST /api/v1/sessions/{sid}/pin
    POST /api/v1/sessions/{sid}/edit
    POST /api/v1/sessions/{sid}/fork
    POST /api/v1/sessions/{sid}/links
    GET /api/v1/sessions/{sid}/links
    DELETE /api/v1/sessions/{sid}/links/{link}
    POST /api/v1/sessions/{sid}/clear_unread_message_count
    POST /api/v1/sessions/{sid}/share
    DELETE /api/v1/sessions/{sid}/share
    DELETE /api/v1/files/{id}
    GET /api/v1/sessions/{sid}/previews
    POST /api/v1/sessions/{sid}/previews
    DELETE /api/v1/sessions/{sid}/previews/{preview}
    POST /api/sessions/{sid}/tasks
    POST /api/sessions/{sid}/processes/{pid}/stop
    POST /api/sessions/{sid}/files/content
    POST /api/sessions/{sid}/shells
    DELETE /api/shells/{shell_id}
    GET /ws/shells/{shell_id}
    POST /api/sessions/{sid}/shell
    PUT /api/v1/projects/{project_id}
    PUT /api/v1/projects/{project_id}/agent-config
    POST /api/v1/projects/{project_id}/agent-config/apply-template/{template_id}
    POST /api/v1/projects/{project_id}/chat-sessions
    POST /api/v1/chats
    PUT /api/v1/chats/{sid}
    POST /api/v1/chats/{sid}/messages
    POST /api/v1/sandbox/{sid}/start
    POST /api/v1/sandbox/{sid}/reset
    POST /api/v1/sandbox/{sid}/execute
    POST /api/v1/chats/{sid}/workspace/files/upload-to-project
    POST /api/v1/files/upload/{project_id}
    PUT /api/v1/chats/{sid}/credentials/{credential}
    PUT /api/v1/projects/{project_id}/credentials/{credential}
    PUT /streams/sessions/{sid}/file
    POST /streams/sessions/{sid}/exec
    GET /streams/sessions/{sid}/watch
    GET /streams/terminals/{shell_id}
    POST /e2b/sandboxes/{sid}/connect
    POST /e2b/v2/sandboxes/{sid}/connect
    POST /e2b/sandboxes/{sid}/timeout
    POST /e2b/sandboxes/{sid}/refreshes
    POST /e2b/sandboxes/{sid}/pause
    PUT /e2b/sandboxes/{sid}/network
    POST /e2b/secrets/{secret}
    DELETE /e2b/secrets/{secret}
    PUT /api/v1/built-templates/{id}/files/{hash}
    PUT /e2b/templates/{sid}/files/{hash}
    POST /e2b/v2/templates/{sid}/builds/{build}
    POST /e2b/templates/tags
    DELETE /e2b/templates/tags
    POST /e2b/sandboxes/{sid}/snapshots
    POST /e2b/sandboxes/{sid}/fork
    POST /e2b/sandboxes/{sid}/resume
    GET /e2b/sandboxes/{sid}/metrics
    POST /anthropic/v1/agents/{id}
    POST /anthropic/v1/agents/{id}/archive
    POST /anthropic/v1/environments/{id}
    GET /anthropic/v1/environments/{id}/work/poll
    POST /anthropic/v1/environments/{id}/work/{work}
    POST /anthropic/v1/environments/{id}/work/{work}/ack
    POST /anthropic/v1/environments/{id}/work/{work}/heartbeat
    POST /anthropic/v1/environments/{id}/work/{work}/stop
    POST /anthropic/v1/environments/{id}/keys
    GET /anthropic/v1/environments/{id}/keys
    DELETE /anthropic/v1/environments/{id}/keys/{key}
    POST /anthropic/v1/environments/{id}/archive
    DELETE /anthropic/v1/environments/{id}
    POST /anthropic/v1/sessions/{id}
    POST /anthropic/v1/sessions/{id}/archive
    DELETE /anthropic/v1/sessions/{id}
    POST /anthropic/v1/sessions/{id}/events
    POST /anthropic/v1/memory_stores/{id}
    POST /anthropic/v1/memory_stores/{id}/archive
    DELETE /anthropic/v1/memory_stores/{id}
    POST /anthropic/v1/memory_stores/{id}/memories
    POST /anthropic/v1/memory_stores/{id}/memories/{memory}
    DELETE /anthropic/v1/memory_stores/{id}/memories/{memory}
    POST /anthropic/v1/memory_stores/{id}/memory_versions/{memory_version}/redact
    POST /anthropic/v1/skills/{id}/versions
    POST /anthropic/v1/deployments/{id}
    POST /anthropic/v1/deployments/{id}/archive
    POST /anthropic/v1/deployments/{id}/pause
    POST /anthropic/v1/deployments/{id}/unpause
    POST /anthropic/v1/deployments/{id}/run
    POST /anthropic/v1/vaults/{id}
    POST /anthropic/v1/vaults/{id}/archive
    DELETE /anthropic/v1/vaults/{id}
    POST /anthropic/v1/vaults/{id}/credentials
    POST /anthropic/v1/vaults/{id}/credentials/{credential}
    POST /anthropic/v1/vaults/{id}/credentials/{credential}/archive
    POST /anthropic/v1/vaults/{id}/credentials/{credential}/mcp_oauth_validate
    DELETE /anthropic/v1/vaults/{id}/credentials/{credential}
    DELETE /anthropic/v1/files/{id}`,
  ),
  ...all(
    'stop',
    `DELETE /anthropic/v1/skills/{id}
    DELETE /anthropic/v1/skills/{id}/versions/{version}
    DELETE /e2b/volumes/{volume}
    DELETE /e2b/templates/{sid}
    DELETE /api/v1/sessions/{sid}
    POST /api/v1/sessions/{sid}/stop
    DELETE /sessions/{sid}
    DELETE /api/sessions/{sid}
    DELETE /api/v1/projects/{project_id}
    DELETE /api/v1/chats/{sid}
    DELETE /api/v1/chats/{sid}/credentials/{credential}
    DELETE /api/v1/projects/{project_id}/credentials/{credential}
    POST /api/v1/sandbox/{sid}/stop
    DELETE /e2b/sandboxes/{sid}`,
  ),
  ...all('screen', 'GET /api/v1/sessions/{sid}/vnc'),
  ...all('create', 'GET /anthropic/v1/models\nGET /anthropic/v1/models/*'),
  ...all('create', 'PUT /api/v1/boxes/{name}'),
  ...all('own', 'GET /api/v1/boxes/{name}'),
  ...all('own-work', 'PATCH /api/v1/boxes/{name}\nDELETE /api/v1/boxes/{name}'),
  ...all('operator', 'GET /metrics\nGET /health/detailed'),
  ...all(
    'admin',
    `GET /api/v1/settings/api-keys
    POST /api/v1/settings/api-keys
    POST /api/v1/settings/api-keys/test
    DELETE /api/v1/settings/api-keys/{provider}`,
  ),
  ...all('signed', 'POST /api/v1/hooks/{id}'),
  ...all('shown', 'GET /api/v1/sessions/shared/{sid}\nGET /api/v1/sessions/{sid}/share/files'),
};
