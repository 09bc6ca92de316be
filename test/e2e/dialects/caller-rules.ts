/**
 * The right that a route, procedure or frame needs. `see`, `read`, `work` and `stop` are rights to one session, project
 * or file, as in src/session/access/authorize.ts. The other rules look only at the caller: `open` needs no key, `any`
 * needs any key, `create` a key that can create things, and `operator` and `admin` a role.
 * `shown` admits everyone, but unshared sessions are unknown there.
 */
export type Rule = 'open' | 'any' | 'create' | 'see' | 'read' | 'work' | 'stop' | 'operator' | 'admin' | 'shown';
export const callers = [
  ...(['none', 'viewer', 'user-other', 'user-owner', 'operator', 'admin'] as const),
  ...(['expired', 'revoked', 'sandbox'] as const),
];
export type Caller = (typeof callers)[number];
/** `unknown`: the answer is exactly the same as for an id that does not exist. */
export type Outcome = 'through' | 401 | 403 | 'unknown';

type Known = 'viewer' | 'user-other' | 'user-owner' | 'operator' | 'admin';
const through = 'through' as const;
const unknown = 'unknown' as const;
// The viewer's key has the same owner as the owner's key, so the session is its own, but it can only read.
const byRule: Record<Exclude<Rule, 'open' | 'shown'>, Record<Known, Outcome>> = {
  any: { viewer: through, 'user-other': through, 'user-owner': through, operator: through, admin: through },
  create: { viewer: 403, 'user-other': through, 'user-owner': through, operator: through, admin: through },
  see: { viewer: through, 'user-other': unknown, 'user-owner': through, operator: through, admin: through },
  read: { viewer: through, 'user-other': unknown, 'user-owner': through, operator: unknown, admin: through },
  work: { viewer: 403, 'user-other': unknown, 'user-owner': through, operator: unknown, admin: through },
  stop: { viewer: 403, 'user-other': unknown, 'user-owner': through, operator: through, admin: through },
  operator: { viewer: 403, 'user-other': 403, 'user-owner': 403, operator: through, admin: through },
  admin: { viewer: 403, 'user-other': 403, 'user-owner': 403, operator: 403, admin: through },
};

export function expected(rule: Rule, caller: Caller): Outcome {
  if (rule === 'open') return 'through';
  if (rule === 'shown') return 'unknown';
  if (caller === 'none' || caller === 'expired' || caller === 'revoked' || caller === 'sandbox') return 401;
  return byRule[rule][caller];
}

const all = (rule: Rule, names: string) =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s*\n\s*/)
      .map((name) => [name, rule]),
  );

/** The control plane of E2B, which the OpenAPI document does not describe. */
export const e2bRules: Readonly<Record<string, Rule>> = {
  ...all(
    'any',
    `GET /e2b/sandboxes
    GET /e2b/v2/sandboxes
    GET /e2b/v2/templates
    GET /e2b/templates/aliases/base
    GET /e2b/volumes
    POST /e2b/v3/templates`,
  ),
  ...all(
    'create',
    `POST /e2b/sandboxes
    POST /e2b/v2/sandboxes`,
  ),
  ...all('see', 'GET /e2b/sandboxes/{sid}'),
  ...all(
    'work',
    `POST /e2b/sandboxes/{sid}/connect
    POST /e2b/v2/sandboxes/{sid}/connect
    POST /e2b/sandboxes/{sid}/timeout
    POST /e2b/sandboxes/{sid}/refreshes
    POST /e2b/sandboxes/{sid}/pause
    POST /e2b/sandboxes/{sid}/resume
    GET /e2b/sandboxes/{sid}/metrics`,
  ),
  ...all('stop', 'DELETE /e2b/sandboxes/{sid}'),
};

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
    POST /api/v1/shared/file`,
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
    GET /api/v1/templates
    GET /api/v1/projects/templates/list
    GET /api/v1/projects/templates/{template_id}
    GET /api/v1/settings/llm-providers
    POST /mcp`,
  ),
  ...all(
    'create',
    `PUT /api/v1/sessions
    POST /sessions
    POST /api/sessions
    POST /api/v1/projects
    POST /api/v1/files
    GET /ws`,
  ),
  ...all(
    'see',
    `GET /sessions/{sid}
    GET /api/sessions/{sid}
    GET /api/v1/projects/{project_id}
    GET /api/v1/projects/{project_id}/chat-sessions
    GET /api/v1/chats
    GET /api/v1/chats/{sid}
    GET /api/v1/sandbox/{sid}/status`,
  ),
  ...all(
    'read',
    `GET /api/v1/sessions/{sid}
    GET /api/v1/sessions/{sid}/events
    POST /api/v1/sessions/{sid}/shell
    POST /api/v1/sessions/{sid}/file
    GET /api/v1/sessions/{sid}/files
    GET /api/v1/sessions/{sid}/vnc
    POST /api/v1/sessions/{sid}/vnc/signed-url
    GET /api/v1/files/{id}
    GET /api/v1/files/{id}/info
    GET /api/v1/files/{id}/download
    POST /api/v1/files/{id}/signed-url
    GET /sessions/{sid}/history
    GET /ws/{sid}
    GET /api/v1/sessions/{sid}/desktop
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
    GET /streams/sessions/{sid}/zip`,
  ),
  ...all(
    'work',
    `POST /api/v1/sessions/{sid}/chat
    PATCH /api/v1/sessions/{sid}/title
    POST /api/v1/sessions/{sid}/favorite
    DELETE /api/v1/sessions/{sid}/favorite
    POST /api/v1/sessions/{sid}/pin
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
    GET /streams/terminals/{shell_id}`,
  ),
  ...all(
    'stop',
    `DELETE /api/v1/sessions/{sid}
    POST /api/v1/sessions/{sid}/stop
    DELETE /sessions/{sid}
    DELETE /api/sessions/{sid}
    DELETE /api/v1/projects/{project_id}
    DELETE /api/v1/chats/{sid}
    DELETE /api/v1/chats/{sid}/credentials/{credential}
    DELETE /api/v1/projects/{project_id}/credentials/{credential}
    POST /api/v1/sandbox/{sid}/stop`,
  ),
  ...all('operator', 'GET /metrics\nGET /health/detailed'),
  ...all(
    'admin',
    `GET /api/v1/settings/api-keys
    POST /api/v1/settings/api-keys
    POST /api/v1/settings/api-keys/test
    DELETE /api/v1/settings/api-keys/{provider}`,
  ),
  ...all('shown', 'GET /api/v1/sessions/shared/{sid}\nGET /api/v1/sessions/{sid}/share/files'),
};

export const procedureRules: Readonly<Record<string, Rule>> = {
  ...all(
    'any',
    'sessions.list\nsessions.deleteMany\nsessions.watch\nprojects.list\ntemplates.list\nsystem.info\nsystem.tools',
  ),
  ...all('operator', 'system.health\negress.allow\negress.withdraw'),
  ...all('create', 'sessions.create\nprojects.create'),
  ...all('see', 'sessions.get\nprojects.get\nsandbox.status\nsandbox.usage'),
  ...all(
    'read',
    `events.list
    sessions.promptAt
    sessions.agent
    projects.agent
    sessions.cost
    egress.inForce
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
    terminals.list`,
  ),
  ...all(
    'work',
    `sessions.update
    sessions.fork
    shares.create
    shares.list
    shares.revoke
    runs.send
    runs.approve
    runs.reject
    desktop.start
    desktop.add
    desktop.stop
    desktop.takeControl
    desktop.giveControl
    sandbox.start
    sandbox.reset
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
    'sessions.delete\nruns.stop\nsandbox.stop\nprojects.delete\nsessionCredentials.revoke\nprojectCredentials.revoke',
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
