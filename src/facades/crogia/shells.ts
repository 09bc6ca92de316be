import type { TerminalInfo } from '../../session/api/services.ts';
import { execIfRunning } from '../../session/services/exec-if-running.ts';
import { withErrorTexts } from '../shared/error-texts.ts';
import type { App } from '../shared/routes.ts';
import { toSessionId } from '../shared/session-id.ts';
import { whileWanted } from '../shared/while-connected.ts';
import { type CrogiaDeps, iso, toShellId, words } from './context.ts';
import * as doc from './docs.ts';
import { SessionParams, ShellBody, ShellParams } from './schemas.ts';

export function mountShells(app: App, { terminals, idempotency }: CrogiaDeps): void {
  const base = '/api/sessions/:sid/shells';
  app.post(base, { schema: { params: SessionParams }, config: { doc: doc.openShell } }, (request, reply) =>
    withErrorTexts(words, () =>
      idempotency.once(request, reply, async () =>
        shellInfo(await terminals.open(toSessionId(request.params.sid), whileWanted(reply))),
      ),
    ),
  );
  app.get(base, { schema: { params: SessionParams }, config: { doc: doc.listShells } }, ({ params }) =>
    withErrorTexts(words, async () => ({ shells: (await terminals.list(toSessionId(params.sid))).map(shellInfo) })),
  );
  app.delete(
    '/api/shells/:shell_id',
    { schema: { params: ShellParams }, config: { doc: doc.closeShell } },
    ({ params: { shell_id } }) =>
      withErrorTexts({ ...words, session_not_found: words.shell_not_found }, async () => {
        await terminals.close(toShellId(shell_id));
        return { message: `Shell session ${shell_id} deleted successfully` };
      }),
  );
}

const shellInfo = ({ id, sessionId, created }: TerminalInfo) => ({
  shell_id: id,
  session_id: sessionId,
  created: iso(created),
  status: 'active' as const,
});

export function mountExec(app: App, { sandboxes, processes, idempotency, clock }: CrogiaDeps): void {
  app.post(
    '/api/sessions/:sid/shell',
    { schema: { params: SessionParams, body: ShellBody }, config: { doc: doc.shell } },
    (request, reply) => {
      const { cmd: command, timeout, background } = request.body;
      return withErrorTexts(words, () =>
        idempotency.once(request, reply, async () => {
          const id = toSessionId(request.params.sid);
          const signal = whileWanted(reply);
          if (background) {
            const { pid, log } = await processes.startBackground(id, command, signal);
            return { command, output: '', timestamp: iso(clock.now()), exit_code: null, timed_out: false, pid, log };
          }
          const wish = { command, login: true, merge: true, timeoutMs: Math.ceil(timeout * 1000) };
          const { exitCode, stdout, timedOut } = await execIfRunning(sandboxes, id, wish, signal);
          return {
            command,
            output: stdout.replaceAll('\r\n', '\n'),
            timestamp: iso(clock.now()),
            exit_code: timedOut ? 124 : exitCode,
            timed_out: timedOut,
          };
        }),
      );
    },
  );
}
