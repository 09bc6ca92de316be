import { toSessionId } from '../../../api/procedure/session-id.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { withErrorTexts } from '../../../http/errors/error-texts.ts';
import type { App } from '../../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../../http/transport/abort-on-disconnect.ts';
import { about, type CrogiaDeps, words } from './context.ts';
import * as replies from './replies.ts';
import { LinesQuery, ProcessParams, SessionParams } from './schemas.ts';

const base = '/api/sessions/:sid/processes';
const missing = 'Process not found';
const processWords = { ...words, not_found: missing };

export function mountProcesses(app: App, { sessions, processes }: CrogiaDeps): void {
  app.get(
    base,
    {
      schema: { params: SessionParams, response: { 200: replies.processes } },
      config: { doc: about('ListProcesses', 'List the processes of a session', { fails: [404] }) },
    },
    ({ params }, reply) =>
      withErrorTexts(processWords, async () => {
        const found = await processes.list(toSessionId(params.sid), abortOnDisconnect(reply));
        return found.map(({ pid, cmd, status, log, started }) => ({ pid, cmd, status, log, started }));
      }),
  );
  app.post(
    `${base}/:pid/stop`,
    {
      schema: { params: ProcessParams, response: { 200: replies.stoppedProcess } },
      config: {
        doc: about('StopProcess', 'Send SIGTERM to a process and its children', { fails: [404, 422], missing }),
      },
    },
    ({ params: { sid, pid } }, reply) =>
      withErrorTexts(processWords, async () => {
        await processes.stop(toSessionId(sid), await known(sid, pid), abortOnDisconnect(reply));
        return { message: `Sent SIGTERM to process ${pid}` };
      }),
  );
  app.get(
    `${base}/:pid/logs`,
    {
      schema: { params: ProcessParams, querystring: LinesQuery, response: { 200: replies.processLogs } },
      config: {
        doc: about('ProcessLogs', 'The last lines that a background process printed', { fails: [404, 422], missing }),
      },
    },
    ({ params: { sid, pid }, query: { lines } }, reply) =>
      withErrorTexts(processWords, async () => {
        const { text } = await processes.logs(toSessionId(sid), await known(sid, pid), lines, abortOnDisconnect(reply));
        return { logs: text, pid };
      }),
  );

  /** A kernel takes 0 and negative numbers for process groups; here they are unknown processes. */
  async function known(sid: string, pid: number): Promise<number> {
    await sessions.get(toSessionId(sid));
    if (pid < 1) throw new AppError('not_found', missing);
    return pid;
  }
}
