import { posix } from 'node:path';
import { z } from 'zod';
import { createKeyedQueue } from '../../../core/concurrency/keyed-queue.ts';
import { type AppError, type ErrorCode, toAppError } from '../../../core/errors/errors.ts';
import { describeUpgradeFailures } from '../../../http/errors/failure-docs.ts';
import { toPublicMessage, wireErrors } from '../../../http/errors/wire-errors.ts';
import type { HttpLogger } from '../../../http/routes/observe.ts';
import type { RouteDoc } from '../../../http/routes/route-docs.ts';
import type { FacadeRoutes } from '../../../http/routes/routes.ts';
import { type ClientSocket, closeCodes, type JsonObject } from '../../../http/transport/ws-socket.ts';
import type { WorkspaceHandle } from '../../../sessions/api/workspaces.ts';
import { defineFacade, type FacadeDeps } from '../../shared/facade.ts';

export const workspace = defineFacade({
  label: 'Workspace',
  audience: 'code runners over one WebSocket',
  tag: 'Server',
  paths: ['/ws'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ workspaces, ...parts }) => (workspaces ? [createWorkspaceRoutes({ ...parts, workspaces })] : []),
});

// In this folder, `sessionId` is a workspace's name, as in the clients' frames.

const UserId = z.string().regex(/^[A-Za-z0-9._@-]{1,128}$/);

const sessionId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 letters, digits, dots, dashes or underscores');
const maxCommand = 200_000;
const command = z
  .string()
  .max(maxCommand, `must be at most ${maxCommand} characters`)
  .refine((text) => text.trim() !== '', 'must not be empty')
  .refine((text) => !text.includes('\0'), 'must not contain NUL');

export const ClientMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('execute_code'), sessionId, code: z.string(), filename: z.string().nullish() }),
  z.object({ type: z.literal('terminal_command'), sessionId, command }),
  z.object({ type: z.literal('save_file'), sessionId, filename: z.string(), content: z.string() }),
  z.object({ type: z.literal('ping') }),
]);
export type ClientMessage = z.infer<typeof ClientMessage>;
type Command = Exclude<ClientMessage, { type: 'ping' }>;

/** Accepts absolute paths. The sandbox checks that they are in the workspace. */
function isFileName(name: string): boolean {
  if (name.trim() === '' || name.includes('\0') || name.endsWith('/') || name.length > 4096) return false;
  const normal = posix.normalize(name);
  return normal !== '.' && normal !== '..' && !normal.startsWith('../');
}

interface WorkspaceDeps extends Pick<FacadeDeps, 'sockets' | 'clock' | 'logger'> {
  readonly workspaces: NonNullable<FacadeDeps['workspaces']>;
}
type Reply = Readonly<Record<string, unknown>> & { readonly type: string };

/** Maximum pending commands per client; at the limit, reading pauses. */
const maxPending = 100;
const maxPendingChars = 16 * 1024 * 1024;

export function createWorkspaceRoutes(deps: WorkspaceDeps): FacadeRoutes {
  // Accepts any value, because invalid values are reported in a frame.
  const about = { type: 'string', description: 'whose workspaces; anonymous by default' };
  const Query = z.object({ user_id: z.unknown().optional().meta(about) });
  return {
    mount() {
      deps.sockets.route({ path: '/ws', query: Query, doc, open: (socket, { query }) => attend(socket, query, deps) });
    },
  };
}

function attend(socket: ClientSocket, { user_id: input }: { user_id?: unknown }, deps: WorkspaceDeps): void {
  const { clock, workspaces } = deps;
  const timestamp = () => new Date(clock.now()).toISOString();
  const say = (frame: Reply) => socket.sendJson({ ...frame, timestamp: timestamp() });
  const user = UserId.optional().safeParse(input);
  if (!user.success) {
    const message = 'user_id must be 1 to 128 letters, digits, dots, dashes, underscores or @';
    say({ type: 'error', message, error: 'invalid_request', sessionId: null });
    socket.close(closeCodes.refused, 'invalid user_id');
    return;
  }
  const member = workspaces.join(user.data ?? 'anonymous');
  socket.closed.addEventListener('abort', () => member[Symbol.dispose](), { once: true });
  say({ type: 'connected', message: 'Connected', user_id: user.data ?? null });

  const turns = createKeyedQueue();
  const pending = new Set<Promise<void>>();
  let chars = 0;
  socket.onJson(
    async (frame) => {
      const { requestId } = frame;
      const answer = (reply: Reply) => say({ ...reply, ...(requestId !== undefined && { requestId }) });
      const parsed = ClientMessage.safeParse(frame);
      if (!parsed.success) return answer(misfit(frame, parsed.error));
      if (parsed.data.type === 'ping') return answer({ type: 'pong' });
      const { data: command } = parsed;
      const { sessionId } = command;
      const work = turns(sessionId, () => obey(member, command))
        .catch((thrown: unknown) => failure(toAppError(thrown), deps.logger))
        .then((reply) => answer({ ...reply, sessionId }));
      const size = lengthOf(command);
      chars += size;
      const done = work.finally(() => {
        pending.delete(done);
        chars -= size;
      });
      pending.add(done);
      while (pending.size >= maxPending || chars > maxPendingChars) await Promise.race(pending);
    },
    () => say({ type: 'error', message: 'The frame is not a JSON object', error: 'invalid_json', sessionId: null }),
  );
}

function lengthOf(command: Command): number {
  switch (command.type) {
    case 'execute_code':
      return command.code.length;
    case 'terminal_command':
      return command.command.length;
    case 'save_file':
      return command.content.length;
  }
}

async function obey(member: WorkspaceHandle, frame: Command): Promise<Reply> {
  switch (frame.type) {
    case 'execute_code': {
      const filename = frame.filename ?? 'main.py';
      const refused = () => ({
        type: 'execution_result',
        success: false,
        output: '',
        error: 'Invalid filename',
        filename,
      });
      if (!isFileName(filename)) return refused();
      try {
        const file = { name: filename, code: frame.code };
        const { exitCode, stdout, stderr, error } = await member.runCode(frame.sessionId, file);
        const success = error === null;
        return { type: 'execution_result', success, output: stdout, error, exit_code: exitCode, stderr, filename };
      } catch (thrown) {
        const text = unwritable(thrown);
        return { ...refused(), error: text };
      }
    }
    case 'terminal_command': {
      const { output, exitCode, cwd } = await member.runCommand(frame.sessionId, frame.command);
      return { type: 'terminal_output', output, exit_code: exitCode, cwd };
    }
    case 'save_file': {
      const { filename, content } = frame;
      const result = (success: boolean, message: string) => ({ type: 'save_result', success, message, filename });
      if (!isFileName(filename)) return result(false, 'Invalid filename');
      try {
        await member.saveFile(frame.sessionId, filename, content);
        return result(true, 'File saved successfully');
      } catch (thrown) {
        return result(false, unwritable(thrown));
      }
    }
  }
}

function unwritable(thrown: unknown): string {
  const { code, publicMessage } = toAppError(thrown);
  if (code === 'path_outside') return 'Invalid filename';
  if (code === 'invalid_request' || code === 'payload_too_large' || code === 'file_not_found') return publicMessage;
  throw thrown;
}

function misfit(frame: JsonObject, { issues: [issue] }: z.ZodError): Reply {
  const sessionId = typeof frame.sessionId === 'string' ? frame.sessionId.slice(0, 128) : null;
  if (issue?.path[0] === 'type') {
    const type = typeof frame.type === 'string' ? frame.type.slice(0, 100) : 'none';
    return { type: 'error', message: `Unknown message type: ${type}`, error: 'unknown_type', sessionId };
  }
  const message = `${issue?.path.join('.')}: ${issue?.message}`;
  return { type: 'error', message, error: 'invalid_request', sessionId };
}

/** Replies for these errors contain the message instead of the code. */
const startFailures: ReadonlySet<ErrorCode> = new Set([
  ...([
    'sandbox_not_found',
    'sandbox_capacity',
    'sandbox_unavailable',
    'sandbox_lost',
    'sandbox_unresponsive',
    'sandbox_untrusted',
  ] as const),
  ...(['image_missing', 'packages_failed', 'driver_unavailable', 'quota', 'unsupported', 'deadline_exceeded'] as const),
]);
function failure(error: AppError, logger: HttpLogger): Reply {
  if (wireErrors[error.code].http === 500) logger.error({ err: error.cause ?? error }, 'a workspace command failed');
  if (startFailures.has(error.code)) {
    return { type: 'error', message: 'The sandbox is not available', error: error.publicMessage };
  }
  return { type: 'error', message: toPublicMessage(error), error: error.code };
}

const doc: RouteDoc = {
  operationId: 'workspaceSocket',
  tag: 'Server',
  summary: 'Code, commands and files of workspaces; the Workspace facade',
  description: [
    'Text frames of one JSON object. The client sends `execute_code`, `terminal_command`, `save_file` and `ping`; the',
    'server `connected` first, then `execution_result`, `terminal_output`, `save_result`, `pong` and `error`. A',
    '`requestId` is copied to the reply. A workspace is the pair of `user_id` and `sessionId`: its commands are done in',
    'order, and its sandbox goes with its last client. Closes with 1008 for a bad `user_id`.',
  ].join(' '),
  failures: describeUpgradeFailures([]),
};
