import { posix } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { SandboxUsage } from '../../session/api/services.ts';
import type { App } from '../shared/routes.ts';
import { whileConnected, whileWanted } from '../shared/while-connected.ts';
import { chatOf, notRunning, type OpencodexDeps } from './context.ts';
import * as doc from './docs/sandbox.ts';
import { ChatParams, Execute } from './schemas.ts';

const base = '/api/v1/sandbox/:sid';
const usualSeconds = 120;

export function mountSandbox(app: App, deps: OpencodexDeps): void {
  const { sandboxes } = deps.services;
  app.post(
    `${base}/start`,
    { schema: { params: ChatParams }, config: { doc: doc.start } },
    async ({ params }, reply) => {
      const { id } = await chatOf(deps, params.sid);
      const { started } = await sandboxes.start(id, whileConnected(reply));
      const { id: container_id } = await sandboxes.status(id);
      if (!started) return { message: 'Sandbox is already running', container_id };
      return reply.code(201).send({ message: 'Sandbox started successfully', container_id });
    },
  );
  app.post(`${base}/stop`, { schema: { params: ChatParams }, config: { doc: doc.stop } }, async ({ params }) => {
    const { stopped } = await sandboxes.stop((await chatOf(deps, params.sid)).id);
    return { message: stopped ? 'Sandbox stopped successfully' : 'Sandbox was not running' };
  });
  app.post(
    `${base}/reset`,
    { schema: { params: ChatParams }, config: { doc: doc.reset } },
    async ({ params }, reply) => {
      const { id } = await chatOf(deps, params.sid);
      await sandboxes.reset(id, whileConnected(reply)).catch(notRunning);
      return { message: 'Sandbox reset successfully' };
    },
  );
  app.get(
    `${base}/status`,
    { schema: { params: ChatParams }, config: { doc: doc.status } },
    async ({ params }, reply) => {
      const { id: chat } = await chatOf(deps, params.sid);
      const { state, id } = await sandboxes.status(chat);
      if (state !== 'running') return { running: false, container_id: null, stats: null };
      const usage = await sandboxes.usage(chat, whileConnected(reply));
      return { running: true, container_id: id, stats: usage ? statsOf(usage) : null };
    },
  );
  app.post(
    `${base}/execute`,
    { schema: { params: ChatParams, body: Execute }, config: { doc: doc.execute } },
    (request, reply) =>
      deps.idempotency.once(request, reply, async () => {
        const { id } = await chatOf(deps, request.params.sid);
        const { command, workdir, timeout } = request.body;
        const signal = whileWanted(reply);
        const look = async (test: string) => (await sandboxes.exec(id, { command: test }, signal)).exitCode === 0;
        const where = await placed({ command, workdir: workdir ?? '/workspace' }, look).catch(notRunning);
        const wanted = { ...where, timeoutMs: (timeout ?? usualSeconds) * 1_000 };
        const { exitCode, stdout, stderr } = await sandboxes.exec(id, wanted, signal).catch(notRunning);
        return { exit_code: exitCode, stdout, stderr };
      }),
  );
}

const statsOf = ({ cpuSeconds, memoryBytes, memoryLimitBytes, processes }: SandboxUsage) => ({
  cpu_seconds: cpuSeconds,
  memory_bytes: memoryBytes,
  memory_limit_bytes: memoryLimitBytes,
  processes,
});

/**
 * Maps `/workspace` and paths below it to the workspace, which may have another real path. Any other absolute path belongs
 * to the sandbox: the daemon starts no command there, so a shell changes to it first.
 */
async function placed({ command, workdir }: { command: string; workdir: string }, look: Look): Promise<Placed> {
  const path = posix.resolve('/workspace', workdir);
  if (path === '/workspace') return { command, cwd: '.' };
  if (path.startsWith('/workspace/')) return { command, cwd: path.slice('/workspace/'.length) };
  if (!workdir.startsWith('/') || workdir.startsWith('/workspace/')) {
    throw new AppError('path_outside', 'Path is outside the workspace');
  }
  const folder = `'${path.replaceAll("'", `'\\''`)}'`;
  if (!(await look(`cd -- ${folder}`)))
    throw new AppError('invalid_request', 'workdir is not a directory in the sandbox');
  return { command: `cd -- ${folder} || exit 1\n${command}`, cwd: '.' };
}
interface Placed {
  readonly command: string;
  readonly cwd: string;
}
type Look = (command: string) => Promise<boolean>;
