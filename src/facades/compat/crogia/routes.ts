import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { readHealthWithTimeout } from '../../../api/views/health.ts';
import { AppError, toAppError } from '../../../core/errors/errors.ts';
import { withErrorTexts } from '../../../http/errors/error-texts.ts';
import { toPublicMessage, wireErrors } from '../../../http/errors/wire-errors.ts';
import type { App, FacadeRoutes } from '../../../http/routes/routes.ts';
import { abortOnDisconnect, abortUnlessIdempotent } from '../../../http/transport/abort-on-disconnect.ts';
import { type ClientSocket, closeCodes, type JsonObject } from '../../../http/transport/ws-socket.ts';
import type { TerminalConnection, TerminalInfo } from '../../../sessions/api/terminals.ts';
import { addTruncationNotes, execWithAutoStart } from '../../../sessions/services/exec-if-running.ts';
import { type CrogiaDeps, describeRoute, parseShellId, toIsoTime, wireErrorTexts } from './context.ts';
import { mountFileRoutes, mountSearch } from './files.ts';
import { mountHistory } from './history.ts';
import * as replies from './replies.ts';
import {
  LogLinesQuery,
  ProcessParams,
  SessionParams as params,
  SessionParams,
  ShellCommandBody,
  ShellParams,
} from './schemas.ts';
import { mountSessions } from './sessions.ts';

type Deps = Pick<CrogiaDeps, 'terminals' | 'clock' | 'logger' | 'sockets'>;

const Input = z.discriminatedUnion('type', [
  z.object({ type: z.literal('shell_input'), data: z.string() }),
  z.object({ type: z.literal('shell_resize'), cols: z.int().min(1).max(1000), rows: z.int().min(1).max(1000) }),
]);

function mountTerminals(deps: Deps): void {
  deps.sockets.route({
    path: '/ws/shells/:shell_id',
    params: ShellParams,
    doc: describeRoute('ShellSocket', 'A terminal', {
      description: [
        'The server sends `shell_connected`, then `shell_output` with `data`; the client sends `shell_input` with `data`',
        'and `shell_resize` with `cols` and `rows`. A terminal has one socket: a new one replaces the old one. Closes with',
        '1000 when the shell exits, is deleted or taken over, 1008 when there is none, 4410 when the session is deleted.',
      ].join(' '),
      fails: [426],
    }).config.doc,
    open: (socket, { params }) => attend(socket, params.shell_id, deps),
  });
}

async function attend(socket: ClientSocket, shellId: string, { terminals, clock, logger }: Deps): Promise<void> {
  const say = (type: string, fields: object) => socket.sendJson({ type, ...fields, timestamp: toIsoTime(clock.now()) });
  // Input can arrive before the terminal is found and must not be lost.
  const connected = connect(terminals, shellId, socket.closed);
  connected.catch(() => {});
  socket.onJson(
    async (input) => {
      const problem = typed((await connected).line, input);
      if (problem !== undefined) say('error', { message: problem });
    },
    () => connected.then(() => say('error', { message: 'Invalid JSON' })),
  );
  try {
    const { line, info } = await connected;
    await using _line = line;
    say('shell_connected', { shell_id: shellId, session_id: info.sessionId, message: 'Connected' });
    const ended = line.ended.then((how) =>
      socket.close(how === 'session_deleted' ? closeCodes.sessionDeleted : closeCodes.normal),
    );
    socket.closed.addEventListener('abort', () => line.output.destroy(), { once: true });
    const decoder = new TextDecoder();
    for await (const chunk of line.output) {
      const data = typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true });
      if (data !== '') say('shell_output', { data });
      await socket.drained(); // backpressure: unread output stays in the terminal
    }
    await ended;
  } catch (thrown) {
    if (socket.closed.aborted) return;
    const error = toAppError(thrown);
    if (wireErrors[error.code].http === 500) logger.error({ err: error.cause ?? error }, 'a terminal failed');
    say('error', {
      message: error.code === 'shell_not_found' ? wireErrorTexts.shell_not_found : toPublicMessage(error),
    });
    socket.close(wireErrors[error.code].ws);
  }
}

async function connect(terminals: Deps['terminals'], shellId: string, signal: AbortSignal) {
  const info = await terminals.get(parseShellId(shellId));
  return { info, line: await terminals.connect(shellId, signal) };
}

function typed(line: TerminalConnection, jsonObject: JsonObject): string | undefined {
  const parsed = Input.safeParse(jsonObject);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return issue?.path[0] === 'type'
      ? `Unknown message type: ${String(jsonObject.type).slice(0, 100)}`
      : `${issue?.path.join('.')}: ${issue?.message}`;
  }
  if (parsed.data.type === 'shell_input') line.write(parsed.data.data);
  else line.resize(parsed.data.cols, parsed.data.rows);
  return undefined;
}

const base = '/api/sessions/:sid/processes';
const missing = 'Process not found';
const processWords = { ...wireErrorTexts, not_found: missing };

function mountProcesses(app: App, { sessions, processes }: CrogiaDeps): void {
  app.get(
    base,
    describeRoute('ListProcesses', 'List the processes of a session', {
      schema: { params: SessionParams, response: { 200: replies.processesReply } },
      fails: [404],
    }),
    ({ params }, reply) =>
      withErrorTexts(processWords, async () => {
        const found = await processes.list(toSessionId(params.sid), abortOnDisconnect(reply));
        return found.map(({ pid, cmd, status, log, started }) => ({ pid, cmd, status, log, started }));
      }),
  );
  app.post(
    `${base}/:pid/stop`,
    describeRoute('StopProcess', 'Send SIGTERM to a process and its children', {
      schema: { params: ProcessParams, response: { 200: replies.stoppedProcessReply } },
      fails: [404, 422],
      missing,
    }),
    ({ params: { sid, pid } }, reply) =>
      withErrorTexts(processWords, async () => {
        await processes.stop(toSessionId(sid), await known(sid, pid), abortOnDisconnect(reply));
        return { message: `Sent SIGTERM to process ${pid}` };
      }),
  );
  app.get(
    `${base}/:pid/logs`,
    describeRoute('ProcessLogs', 'The last lines that a background process printed', {
      schema: { params: ProcessParams, querystring: LogLinesQuery, response: { 200: replies.processLogsReply } },
      fails: [404, 422],
      missing,
    }),
    ({ params: { sid, pid }, query: { lines } }, reply) =>
      withErrorTexts(processWords, async () => {
        const { text } = await processes.logs(toSessionId(sid), await known(sid, pid), lines, abortOnDisconnect(reply));
        return { logs: text, pid };
      }),
  );

  /** Rejects 0 and negative pids, which the kernel treats as process groups. */
  async function known(sid: string, pid: number): Promise<number> {
    await sessions.get(toSessionId(sid));
    if (pid < 1) throw new AppError('not_found', missing);
    return pid;
  }
}

/** Always 200, because clients read the status from the body. */
function mountHealth(app: App, { sessions, clock }: Pick<CrogiaDeps, 'sessions' | 'clock'>): void {
  app.get(
    '/api/health',
    describeRoute('Health', 'Report whether sandboxes can start; always 200', {
      schema: { response: { 200: replies.healthReply } },
      config: { open: true, free: true },
    }),
    async () => {
      const { sandbox, sessions: count } = await readHealthWithTimeout(sessions, clock);
      const works = sandbox.status !== 'unhealthy';
      return {
        status: works ? ('healthy' as const) : ('unhealthy' as const),
        timestamp: toIsoTime(clock.now()),
        active_sessions: count.total,
        docker_available: works && sandbox.driver === 'docker',
        sandbox_driver: sandbox.driver,
        ...(!works && { error: sandbox.detail ?? 'No sandbox driver works.' }),
      };
    },
  );
}

export function createCrogiaRoutes(deps: CrogiaDeps): FacadeRoutes {
  return {
    mount(app) {
      mountHealth(app, deps);
      mountSessions(app, deps);
      mountHistory(app, deps);
      mountProcesses(app, deps);
      mountFileRoutes(app, deps);
      mountSearch(app, deps);
      mountShells(app, deps);
      mountExec(app, deps);
      mountTerminals(deps);
    },
  };
}

function mountShells(app: App, { terminals }: CrogiaDeps): void {
  const base = '/api/sessions/:sid/shells';
  app.post(
    base,
    describeRoute('OpenShell', 'Open a terminal', {
      schema: { params, response: { 200: replies.terminalReply } },
      config: { once: 200 },
      description: 'At most 16 per session. Connect on `/ws/shells/{shell_id}`; the terminal outlives its socket.',
      fails: [404, 409],
    }),
    ({ params: { sid } }, reply) =>
      withErrorTexts(wireErrorTexts, async () =>
        shellInfo(await terminals.open(toSessionId(sid), abortUnlessIdempotent(reply))),
      ),
  );
  app.get(
    base,
    describeRoute('ListShells', 'List the terminals of a session', {
      schema: { params, response: { 200: replies.terminalsReply } },
      fails: [404],
    }),
    ({ params }) =>
      withErrorTexts(wireErrorTexts, async () => ({
        shells: (await terminals.list(toSessionId(params.sid))).map(shellInfo),
      })),
  );
  app.delete(
    '/api/shells/:shell_id',
    describeRoute('CloseShell', 'Close a terminal', {
      schema: { params: ShellParams, response: { 200: replies.closedTerminalReply } },
      fails: [404],
      missing: wireErrorTexts.shell_not_found,
    }),
    ({ params: { shell_id } }) =>
      withErrorTexts({ ...wireErrorTexts, session_not_found: wireErrorTexts.shell_not_found }, async () => {
        await terminals.close(parseShellId(shell_id));
        return { message: `Shell session ${shell_id} deleted successfully` };
      }),
  );
}

const shellInfo = ({ id, sessionId, created }: TerminalInfo): replies.Terminal => ({
  shell_id: id,
  session_id: sessionId,
  created: toIsoTime(created),
  status: 'active',
});

function mountExec(app: App, { sandboxes, processes, clock }: CrogiaDeps): void {
  app.post(
    '/api/sessions/:sid/shell',
    describeRoute('Shell', 'Run a command in the sandbox', {
      schema: { params, body: ShellCommandBody, response: { 200: replies.commandResultReply } },
      config: { once: 200 },
      description: 'A command that fails is still 200; `exit_code` says so. In the background it answers at once.',
      bodyExample: { cmd: 'ls' },
      fails: [400, 404, 409, 422],
    }),
    ({ params: { sid }, body: { cmd: command, timeout, background } }, reply) =>
      withErrorTexts(wireErrorTexts, async () => {
        const id = toSessionId(sid);
        const signal = abortUnlessIdempotent(reply);
        if (background) {
          const { pid, log } = await processes.startBackground(id, command, signal);
          return {
            command,
            output: '',
            timestamp: toIsoTime(clock.now()),
            exit_code: null,
            timed_out: false,
            pid,
            log,
          };
        }
        const requested = { command, login: true, merge: true, timeoutMs: Math.ceil(timeout * 1000) };
        const ended = await execWithAutoStart(sandboxes, id, requested, signal);
        return {
          command,
          output: addTruncationNotes(ended).stdout.replaceAll('\r\n', '\n'),
          timestamp: toIsoTime(clock.now()),
          exit_code: ended.exitCode,
          timed_out: ended.timedOut,
        };
      }),
  );
}
