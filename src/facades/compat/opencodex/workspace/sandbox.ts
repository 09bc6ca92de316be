import { posix } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';
import { quoteForShell } from '../../../../core/text/quote.ts';
import { jsonReply } from '../../../../http/routes/route-docs.ts';
import type { App } from '../../../../http/routes/routes.ts';
import { abortOnDisconnect, abortUnlessIdempotent } from '../../../../http/transport/abort-on-disconnect.ts';
import type { SandboxUsage } from '../../../../sessions/api/sandboxes.ts';
import { addTruncationNotes } from '../../../../sessions/services/exec-if-running.ts';
import { describeRoute, findChat, type OpencodexDeps, rethrowStoppedAsNotFound } from '../context.ts';
import { exampleSid } from '../replies/examples.ts';
import { ChatParams, ExecuteCommandBody } from '../schemas.ts';

const base = '/api/v1/sandbox/:sid';
const usualSeconds = 120;

const container_id = `sbx-${exampleSid}`;
const messageReply = (message: string) => jsonReply('Done', z.object({ message: z.string() }), { message });
const Started = z.object({ message: z.string(), container_id: z.string() });
const started = {
  200: jsonReply('It ran already', Started, { message: 'Sandbox is already running', container_id }),
  201: jsonReply('It was started', Started, { message: 'Sandbox started successfully', container_id }),
};
const Stats = z.object({
  cpu_seconds: z.number().describe('Of processor time, since it was started'),
  memory_bytes: z.number(),
  memory_limit_bytes: z.number().nullable(),
  processes: z.number(),
});
const state = jsonReply(
  'Its state',
  z.object({ running: z.boolean(), container_id: z.string().nullable(), stats: Stats.nullable() }),
  {
    running: true,
    container_id,
    stats: { cpu_seconds: 12.5, memory_bytes: 73_400_320, memory_limit_bytes: 2_147_483_648, processes: 4 },
  },
);
const result = jsonReply(
  'The result of the command',
  z.object({ exit_code: z.int(), stdout: z.string(), stderr: z.string() }),
  { exit_code: 0, stdout: 'hi\n', stderr: '' },
);

export function mountSandbox(app: App, deps: OpencodexDeps): void {
  const { sandboxes } = deps.services;
  app.post(
    `${base}/start`,
    describeRoute('StartSandbox', 'Start the sandbox of a chat session', {
      schema: { params: ChatParams, response: started },
      fails: [404],
    }),
    async ({ params }, reply) => {
      const { id } = await findChat(deps, params.sid);
      const { started } = await sandboxes.start(id, abortOnDisconnect(reply));
      const { id: container_id } = await sandboxes.status(id);
      if (!started) return { message: 'Sandbox is already running', container_id };
      return reply.code(201).send({ message: 'Sandbox started successfully', container_id });
    },
  );
  app.post(
    `${base}/stop`,
    describeRoute('StopSandbox', 'Stop the sandbox: ends its processes and keeps its files', {
      schema: { params: ChatParams, response: { 200: messageReply('Sandbox stopped successfully') } },
      fails: [404],
    }),
    async ({ params }) => {
      const { stopped } = await sandboxes.stop((await findChat(deps, params.sid)).id);
      return { message: stopped ? 'Sandbox stopped successfully' : 'Sandbox was not running' };
    },
  );
  app.post(
    `${base}/reset`,
    describeRoute('ResetSandbox', 'Empty the workspace and begin with a fresh sandbox', {
      schema: { params: ChatParams, response: { 200: messageReply('Sandbox reset successfully') } },
      fails: [404],
    }),
    async ({ params }, reply) => {
      const { id } = await findChat(deps, params.sid);
      await sandboxes.reset(id, abortOnDisconnect(reply)).catch(rethrowStoppedAsNotFound);
      return { message: 'Sandbox reset successfully' };
    },
  );
  app.get(
    `${base}/status`,
    describeRoute('SandboxStatus', 'Get the state of the sandbox', {
      schema: { params: ChatParams, response: { 200: state } },
      fails: [404],
    }),
    async ({ params }, reply) => {
      const { id: chat } = await findChat(deps, params.sid);
      const { state, id } = await sandboxes.status(chat);
      if (state !== 'running') return { running: false, container_id: null, stats: null };
      const usage = await sandboxes.usage(chat, abortOnDisconnect(reply));
      return { running: true, container_id: id, stats: usage ? statsOf(usage) : null };
    },
  );
  app.post(
    `${base}/execute`,
    describeRoute('Execute', 'Run a command in the sandbox', {
      schema: { params: ChatParams, body: ExecuteCommandBody, response: { 200: result } },
      config: { once: 200 },
      bodyExample: { command: 'echo hi' },
      fails: [404, 409, 413, 422],
    }),
    async ({ params, body: { command, workdir, timeout } }, reply) => {
      const { id } = await findChat(deps, params.sid);
      const signal = abortUnlessIdempotent(reply);
      const check = async (test: string) => (await sandboxes.exec(id, { command: test }, signal)).exitCode === 0;
      const where = await placed({ command, workdir: workdir ?? '/workspace' }, check).catch(rethrowStoppedAsNotFound);
      const requested = { ...where, timeoutMs: (timeout ?? usualSeconds) * 1_000 };
      const ended = await sandboxes.exec(id, requested, signal).catch(rethrowStoppedAsNotFound);
      return { exit_code: ended.exitCode, ...addTruncationNotes(ended) };
    },
  );
}

const statsOf = ({ cpuSeconds, memoryBytes, memoryLimitBytes, processes }: SandboxUsage) => ({
  cpu_seconds: cpuSeconds,
  memory_bytes: memoryBytes,
  memory_limit_bytes: memoryLimitBytes,
  processes,
});

/** The daemon starts commands only in the workspace, so other folders need a `cd`. */
async function placed(
  { command, workdir }: { command: string; workdir: string },
  check: CommandCheck,
): Promise<CommandInFolder> {
  const path = posix.resolve('/workspace', workdir);
  if (path === '/workspace') return { command, cwd: '.' };
  if (path.startsWith('/workspace/')) return { command, cwd: path.slice('/workspace/'.length) };
  if (!workdir.startsWith('/') || workdir.startsWith('/workspace/')) {
    throw new AppError('path_outside', 'Path is outside the workspace');
  }
  const folder = quoteForShell(path);
  if (!(await check(`cd -- ${folder}`)))
    throw new AppError('invalid_request', 'workdir is not a directory in the sandbox');
  return { command: `cd -- ${folder} || exit 1\n${command}`, cwd: '.' };
}
interface CommandInFolder {
  readonly command: string;
  readonly cwd: string;
}
type CommandCheck = (command: string) => Promise<boolean>;
