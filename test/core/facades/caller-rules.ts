import { all, described, type Rule } from './caller-rights.ts';

export const procedureRules: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(described.map(({ name, may }) => [name, may])),
  ...all(
    'any',
    'sessions.list\nsessions.deleteMany\nsessions.watch\nprojects.list\ntemplateBuilds.ability\nsystem.info\nsystem.tools',
  ),
  ...all('own', 'sessions.byName'),
  ...all('visitor', 'people.allowCommand'),
  ...all('personal', 'personalKeys.create'),
  ...all('observe', 'system.health'),
  ...all('operator', 'egress.allow\negress.withdraw'),
  ...all('supervise', '(snapshots|volumes|automations|webhooks).get'),
  ...all('create', 'templateBuilds.plan\nsessions.create\nsessions.named\nprojects.create'),
  ...all('see', 'sessions.get\nprojects.get\nsandbox.usage'),
  ...all(
    'read',
    `sandbox.services
    templateBuilds.hasFiles
    skills.read
    sessions.(skills|promptAt|agent|cost)
    events.(list|subscribe)
    projects.agent
    egress.inForce
    repositories.patch
    sessionCredentials.list
    projectCredentials.list
    desktop.signedUrl
    files.(before|changes|list|read|find|grep)
    processes.(list|logs)
    ports.list
    terminals.(viewShell|list)`,
  ),
  ...all(
    'work',
    `templateBuilds.tag
    sessions.(update|edit|fork)
    shares.(create|list|revoke)
    egress.narrow
    ports.(open|opened|close)
    runs.(send|approve|reject)
    desktop.(takeControl|giveControl)
    sandbox.(start|fork|reset|rotateTokens|exec)
    terminals.(open|typeIntoShell|write|resize|close)
    files.(write|delete)
    processes.stop
    sessionCredentials.put`,
  ),
  ...all('manage', 'projects.(update|updateAgent)\nprojectCredentials.put'),
  ...all(
    'stop',
    'templateBuilds.cancel\nsessions.delete\nruns.stop\nsandbox.stop\nprojects.delete\nsessionCredentials.revoke\nprojectCredentials.revoke',
  ),
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
    `49983 POST /process.Process/(Start|Connect|StreamInput|List|SendInput|SendSignal|CloseStdin|Update)
    49983 POST /filesystem.Filesystem/(WatchDir|Stat|ListDir|MakeDir|Move|Remove|CreateWatcher|GetWatcherEvents|RemoveWatcher)
    49983 POST /files
    49983 GET /(files|envs|metrics|any-other-path)`,
  ),
  ...all(
    'port',
    `49999 GET /(health|contexts|any-other-path)
    49999 POST /(contexts|execute)
    49999 POST /contexts/x/restart
    49999 DELETE /contexts/x
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
