/**
 * The right that a route, procedure or frame needs. `see`, `read`, `work` and `stop` are rights to one session, project
 * or file, as in src/sessions/access/authorize.ts. The other rules look only at the caller: `open` needs no key, `any`
 * needs any key, `create` a key that can create things, and `operator` and `admin` a role.
 * `own` and `own-work` are about names, which each owner has for its own sessions alone.
 * `shown` admits everyone, but unshared sessions are unknown there. `screen` is `read`, or a signed link to the screen.
 * `inside` and `port` need the token of the sandbox itself, which no key replaces; they refuse with 401 and 403.
 * `signed` needs a signature over the request, which no key replaces; without one all is unknown there.
 * `preview` needs the secret of a preview, which no key replaces; it refuses with 401.
 * `public` admits everyone to the program behind a port. `never` refuses everyone with 403.
 */
export type Rule = (typeof ruleNames)[number];
const ruleNames = [
  ...([
    'open',
    'any',
    'create',
    'see',
    'read',
    'work',
    'stop',
    'operator',
    'admin',
    'shown',
    'signed',
    'own',
    'own-work',
  ] as const),
  ...(['screen', 'inside', 'port', 'preview', 'public', 'never'] as const),
];
/** Callers that the server does not know: no key, keys that ended, and links and tokens that open something else. */
const strangers = [
  ...(['none', 'expired', 'revoked', 'share-link', 'watch-link', 'control-link'] as const),
  ...(['sandbox-token', 'token-of-another-sandbox'] as const),
];
const keyed = ['viewer', 'user-other', 'user-owner', 'operator', 'admin'] as const;
export const callers = [...strangers, ...keyed];
export type Caller = (typeof callers)[number];
/** `unknown`: the answer is exactly the same as for an id that does not exist. */
export type Outcome = 'through' | 401 | 403 | 'unknown';

const through = 'through' as const;
const unknown = 'unknown' as const;
type Roles = Record<(typeof keyed)[number], Outcome>;
// The viewer's key has the same owner as the owner's key, so the session is its own, but it can only read.
const read: Roles = {
  viewer: through,
  'user-other': unknown,
  'user-owner': through,
  operator: unknown,
  admin: through,
};
const own: Roles = { ...read, admin: unknown };
const byRule: Record<
  Exclude<Rule, 'open' | 'shown' | 'signed' | 'inside' | 'port' | 'preview' | 'public' | 'never'>,
  Roles
> = {
  any: { viewer: through, 'user-other': through, 'user-owner': through, operator: through, admin: through },
  create: { viewer: 403, 'user-other': through, 'user-owner': through, operator: through, admin: through },
  see: { ...read, operator: through },
  read,
  screen: read,
  work: { ...read, viewer: 403 },
  stop: { ...read, viewer: 403, operator: through },
  own,
  'own-work': { ...own, viewer: 403 },
  operator: { viewer: 403, 'user-other': 403, 'user-owner': 403, operator: through, admin: through },
  admin: { viewer: 403, 'user-other': 403, 'user-owner': 403, operator: 403, admin: through },
};
const isSigned = (caller: Caller) => caller === 'watch-link' || caller === 'control-link';
const isStranger = (caller: Caller): caller is (typeof strangers)[number] => strangers.some((one) => one === caller);

export function expected(rule: Rule, caller: Caller): Outcome {
  if (rule === 'inside' || rule === 'port') {
    if (caller === 'sandbox-token') return 'through';
    return rule === 'inside' ? 401 : 403;
  }
  if (rule === 'open' || rule === 'public') return 'through';
  if (rule === 'preview') return 401;
  if (rule === 'never') return 403;
  if (rule === 'shown' || rule === 'signed') return 'unknown';
  if (rule === 'screen' && isSigned(caller)) return 'through';
  return isStranger(caller) ? 401 : byRule[rule][caller];
}

const all = (rule: Rule, names: string) =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s*\n\s*/)
      .map((name) => [name, rule]),
  );

export const routeRules: Readonly<Record<string, Rule>> = {
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
    'any',
    `GET /api/v1/sessions
    POST /api/v1/sessions
    GET /api/v1/auth/status
    GET /api/v1/config/frontend
    GET /sessions
    GET /api/sessions
    GET /api/v1/projects
    GET /api/v1/templates
    GET /api/v1/automations
    GET /api/v1/automations/times
    GET /api/v1/usage
    GET /api/v1/budgets
    GET /api/v1/webhooks
    GET /api/v1/skills
    GET /api/v1/memory
    GET /api/v1/snapshots
    GET /api/v1/models
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
    POST /api/v1/automations
    POST /api/v1/webhooks
    POST /api/v1/skills
    POST /api/v1/skills/check
    POST /sessions
    POST /api/sessions
    POST /api/v1/projects
    POST /api/v1/files
    GET /ws
    POST /e2b/sandboxes
    POST /e2b/v2/sandboxes
    POST /e2b/secrets
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
    `GET /api/v1/automations/{id}
    GET /api/v1/snapshots/{snapshot_id}
    GET /api/v1/webhooks/{id}
    GET /sessions/{sid}
    GET /api/sessions/{sid}
    GET /api/v1/projects/{project_id}
    GET /api/v1/projects/{project_id}/chat-sessions
    GET /api/v1/chats
    GET /api/v1/chats/{sid}
    GET /api/v1/sandbox/{sid}/status
    GET /api/v1/sessions/{sid}/sandbox
    GET /e2b/sandboxes/{sid}`,
  ),
  ...all(
    'read',
    `GET /api/v1/automations/{id}/starts
    GET /api/v1/webhooks/{id}/deliveries
    GET /api/v1/skills/{id}
    GET /api/v1/memory/notes
    GET /api/v1/memory/note
    GET /api/v1/memory/history
    GET /api/v1/skills/{id}/versions/{version}
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
    GET /api/v1/sessions/{sid}/desktop
    GET /api/v1/sessions/{sid}/ports
    GET /api/v1/sessions/{sid}/repositories
    GET /api/v1/sessions/{sid}/repositories/status
    GET /api/v1/sessions/{sid}/repositories/diff
    GET /api/v1/sessions/{sid}/repositories/patch
    GET /api/v1/sessions/{sid}/attempts
    GET /api/v1/sessions/{sid}/attempts/{attempts}
    GET /api/v1/sessions/{sid}/attempts/{attempts}/diffs/{n}
    GET /api/v1/sessions/{sid}/checkpoints
    GET /api/v1/sessions/{sid}/checkpoints/{number}/diff
    GET /api/v1/sessions/{sid}/pull-requests
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
    `PATCH /api/v1/automations/{id}
    POST /api/v1/automations/{id}/resume
    POST /api/v1/automations/{id}/starts
    POST /api/v1/automations/{id}/secret
    PATCH /api/v1/webhooks/{id}
    POST /api/v1/skills/{id}/versions
    PUT /api/v1/memory/note
    DELETE /api/v1/memory/note
    POST /api/v1/memory/undo
    POST /api/v1/memory/redact
    POST /api/v1/webhooks/{id}/resume
    POST /api/v1/webhooks/{id}/rotate
    POST /api/v1/webhooks/{id}/test
    POST /api/v1/webhooks/{id}/deliveries/{delivery}/resend
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
    POST /api/v1/sessions/{sid}/desktop/start
    POST /api/v1/sessions/{sid}/desktop/add
    POST /api/v1/sessions/{sid}/desktop/stop
    POST /api/v1/sessions/{sid}/desktop/control
    POST /api/v1/sessions/{sid}/repositories/fetch
    POST /api/v1/sessions/{sid}/repositories/commit
    POST /api/v1/sessions/{sid}/repositories/push
    POST /api/v1/sessions/{sid}/repositories/checks
    POST /api/v1/sessions/{sid}/checkpoints/{number}/restore
    POST /api/v1/sessions/{sid}/attempts
    POST /api/v1/sessions/{sid}/attempts/{attempts}/choose
    POST /api/v1/sessions/{sid}/pull-requests
    POST /api/v1/sessions/{sid}/pull-requests/feedback
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
    POST /api/v1/sessions/{sid}/sandbox/pause
    POST /api/v1/sessions/{sid}/sandbox/snapshots
    POST /api/v1/sessions/{sid}/sandbox/resume
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
    `DELETE /api/v1/automations/{id}
    POST /api/v1/automations/{id}/pause
    DELETE /api/v1/webhooks/{id}
    DELETE /api/v1/skills/{id}
    DELETE /api/v1/skills/{id}/versions/{version}
    DELETE /anthropic/v1/skills/{id}
    DELETE /anthropic/v1/skills/{id}/versions/{version}
    DELETE /api/v1/snapshots/{snapshot_id}
    DELETE /e2b/templates/{sid}
    POST /api/v1/webhooks/{id}/pause
    DELETE /api/v1/sessions/{sid}
    POST /api/v1/sessions/{sid}/stop
    POST /api/v1/sessions/{sid}/attempts/{attempts}/stop
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
  ...all('create', 'GET /api/v1/models/offered\nGET /anthropic/v1/models\nGET /anthropic/v1/models/*'),
  ...all('create', 'PUT /api/v1/boxes/{name}'),
  ...all('own', 'GET /api/v1/boxes/{name}'),
  ...all('own-work', 'PATCH /api/v1/boxes/{name}\nDELETE /api/v1/boxes/{name}'),
  ...all('operator', 'GET /metrics\nGET /health/detailed'),
  ...all(
    'admin',
    `POST /api/v1/models/test
    PUT /api/v1/models/usual
    DELETE /api/v1/models/providers/{provider}
    GET /api/v1/server-settings
    PUT /api/v1/server-settings/{key}
    DELETE /api/v1/server-settings/{key}
    GET /api/v1/tool-servers
    PUT /api/v1/tool-servers/{name}
    PATCH /api/v1/tool-servers/{name}
    DELETE /api/v1/tool-servers/{name}
    POST /api/v1/tool-servers/{name}/test
    POST /api/v1/tool-servers/{name}/sign-in
    DELETE /api/v1/tool-servers/{name}/sign-in
    POST /api/v1/tool-servers/{name}/signed-in
    GET /api/v1/server-credentials
    PUT /api/v1/server-credentials/{name}
    DELETE /api/v1/server-credentials/{name}
    PATCH /api/v1/budgets
    GET /api/v1/keys
    POST /api/v1/keys
    DELETE /api/v1/keys/{id}
    GET /api/v1/settings/api-keys
    POST /api/v1/settings/api-keys
    POST /api/v1/settings/api-keys/test
    DELETE /api/v1/settings/api-keys/{provider}`,
  ),
  ...all('signed', 'POST /api/v1/hooks/{id}'),
  ...all('shown', 'GET /api/v1/sessions/shared/{sid}\nGET /api/v1/sessions/{sid}/share/files'),
};

export const procedureRules: Readonly<Record<string, Rule>> = {
  ...all(
    'any',
    'usage.report\nbudgets.list\nmemory.list\nsnapshots.list\nautomations.list\nautomations.times\nwebhooks.list\nskills.list\nsessions.list\nsessions.deleteMany\nsessions.watch\nprojects.list\ntemplates.list\nmodels.inForce\nsystem.info\nsystem.tools',
  ),
  ...all('own', 'sessions.byName'),
  ...all('operator', 'system.health\negress.allow\negress.withdraw'),
  ...all(
    'create',
    'automations.create\nwebhooks.create\nskills.create\nskills.check\nsessions.create\nsessions.named\nprojects.create\nmodels.offered',
  ),
  ...all(
    'see',
    'snapshots.get\nbudgets.get\nautomations.get\nwebhooks.get\nsessions.get\nprojects.get\nsandbox.status\nsandbox.usage',
  ),
  ...all(
    'read',
    `sandbox.services
    automations.starts
    webhooks.deliveries
    memory.notes
    memory.read
    memory.history
    skills.get
    skills.version
    skills.read
    sessions.skills
    events.list
    sessions.promptAt
    sessions.agent
    projects.agent
    sessions.cost
    egress.inForce
    repositories.list
    repositories.status
    repositories.diff
    repositories.patch
    pullRequests.state
    attempts.list
    attempts.get
    attempts.diff
    checkpoints.list
    checkpoints.diff
    sessionCredentials.list
    projectCredentials.list
    events.subscribe
    desktop.status
    desktop.signedUrl
    files.before
    files.changes
    files.list
    files.read
    files.find
    files.grep
    processes.list
    processes.logs
    ports.list
    terminals.list`,
  ),
  ...all(
    'work',
    `automations.update
    automations.resume
    automations.start
    automations.rotateSecret
    webhooks.update
    memory.write
    memory.delete
    memory.undo
    memory.redact
    skills.addVersion
    snapshots.update
    webhooks.resume
    webhooks.rotate
    webhooks.test
    webhooks.resend
    sessions.update
    sessions.edit
    sessions.fork
    shares.create
    shares.list
    shares.revoke
    egress.narrow
    ports.open
    ports.opened
    ports.close
    repositories.fetch
    repositories.commit
    repositories.push
    repositories.check
    pullRequests.open
    pullRequests.sendFeedback
    checkpoints.restore
    attempts.start
    attempts.choose
    runs.send
    runs.approve
    runs.reject
    desktop.start
    desktop.add
    desktop.stop
    desktop.takeControl
    desktop.giveControl
    sandbox.start
    sandbox.pause
    sandbox.fork
    snapshots.create
    sandbox.resume
    sandbox.reset
    sandbox.rotateTokens
    sandbox.exec
    terminals.open
    terminals.typeIntoShell
    terminals.write
    terminals.resize
    terminals.close
    files.write
    files.delete
    processes.stop
    projects.update
    projects.updateAgent
    sessionCredentials.put
    projectCredentials.put`,
  ),
  ...all(
    'stop',
    'snapshots.delete\nautomations.delete\nautomations.pause\nwebhooks.delete\nwebhooks.pause\nskills.delete\nskills.deleteVersion\nsessions.delete\nattempts.stop\nruns.stop\nsandbox.stop\nprojects.delete\nsessionCredentials.revoke\nprojectCredentials.revoke',
  ),
  ...all('admin', 'budgets.change'),
  ...all('admin', 'models.test\nmodels.use\nmodels.forget'),
  ...all('admin', 'settings.list\nsettings.change\nsettings.reset'),
  ...all('admin', 'serverCredentials.list\nserverCredentials.put\nserverCredentials.revoke'),
  ...all(
    'admin',
    'toolServers.list\ntoolServers.put\ntoolServers.change\ntoolServers.test\ntoolServers.remove\ntoolServers.beginSignIn\ntoolServers.endSignIn\ntoolServers.signOut',
  ),
  ...all('admin', 'keys.create\nkeys.list\nkeys.revoke'),
};

/** The tools of the MCP endpoint, and its resources by their name. */
export const mcpRules: Readonly<Record<string, Rule>> = {
  ...all('any', 'list_sessions'),
  ...all('create', 'create_session'),
  ...all('see', 'get_session\nresource session'),
  ...all('read', 'list_files\nread_file\ntake_screenshot\nwatch_session'),
  ...all('read', 'resource file\nresource screen\nresource screenshot'),
  ...all('work', 'run_command\nwrite_file\nrun_task\ndecide_approval'),
  ...all('stop', 'end_session\nstop_run'),
};

/** The data plane of E2B, by port: the calls of the agent's services, its routes, the code interpreter and other ports. */
export const dataRules: Readonly<Record<string, Rule>> = {
  ...all(
    'inside',
    `49983 POST /process.Process/Start
    49983 POST /process.Process/Connect
    49983 POST /process.Process/StreamInput
    49983 POST /process.Process/List
    49983 POST /process.Process/SendInput
    49983 POST /process.Process/SendSignal
    49983 POST /process.Process/CloseStdin
    49983 POST /process.Process/Update
    49983 POST /filesystem.Filesystem/WatchDir
    49983 POST /filesystem.Filesystem/Stat
    49983 POST /filesystem.Filesystem/ListDir
    49983 POST /filesystem.Filesystem/MakeDir
    49983 POST /filesystem.Filesystem/Move
    49983 POST /filesystem.Filesystem/Remove
    49983 POST /filesystem.Filesystem/CreateWatcher
    49983 POST /filesystem.Filesystem/GetWatcherEvents
    49983 POST /filesystem.Filesystem/RemoveWatcher
    49983 GET /files
    49983 POST /files
    49983 GET /envs
    49983 GET /metrics
    49983 GET /any-other-path`,
  ),
  ...all(
    'port',
    `49999 GET /health
    49999 GET /contexts
    49999 POST /contexts
    49999 POST /contexts/x/restart
    49999 DELETE /contexts/x
    49999 POST /execute
    49999 GET /any-other-path
    3000 GET /
    3000 WS /`,
  ),
};

/** The ports under their host names: of the sandbox of a program on the E2B SDKs (`box`), and of another session (`sid`). */
export const hostRules: Readonly<Record<string, Rule>> = {
  ...all(
    'public',
    `3000-box GET /
    3000-box POST /any-path
    3000-box OPTIONS /
    3000-box WS /`,
  ),
  ...all(
    'inside',
    `49983-box GET /envs
    49983-box POST /process.Process/List`,
  ),
  ...all(
    'port',
    `49999-box GET /contexts
    49999-box POST /execute`,
  ),
  // No caller of the matrix has a token of that session, and some ports have none.
  ...all(
    'never',
    `3128-box GET /
    3128-box WS /
    3000-sid GET /
    3000-sid WS /
    3128-sid GET /
    49999-sid GET /contexts`,
  ),
};
