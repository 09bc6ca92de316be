import { toSessionId } from '../../../api/procedure/session-id.ts';
import { withErrorTexts } from '../../../http/errors/error-texts.ts';
import type { App } from '../../../http/routes/routes.ts';
import { abortUnlessIdempotent } from '../../../http/transport/abort-on-disconnect.ts';
import type { TerminalInfo } from '../../../sessions/api/terminals.ts';
import { addTruncationNotes } from '../../../sessions/services/cut-outputs.ts';
import { execIfRunning } from '../../../sessions/services/exec-if-running.ts';
import { type CrogiaDeps, describeRoute, toIsoTime, toShellId, wireErrorTexts } from './context.ts';
import * as replies from './replies.ts';
import { SessionParams as params, ShellBody, ShellParams } from './schemas.ts';

export function mountShells(app: App, { terminals }: CrogiaDeps): void {
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
        await terminals.close(toShellId(shell_id));
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

export function mountExec(app: App, { sandboxes, processes, clock }: CrogiaDeps): void {
  app.post(
    '/api/sessions/:sid/shell',
    describeRoute('Shell', 'Run a command in the sandbox', {
      schema: { params, body: ShellBody, response: { 200: replies.commandResultReply } },
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
        const ended = await execIfRunning(sandboxes, id, requested, signal);
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
