import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { InvalidRequestError } from '../../http/errors/error-style.ts';
import { bytesReply } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { parseJsonBody } from '../../http/transport/json-body.ts';
import { mountRawBodyRoutes } from '../shared/uploads.ts';
import { describeRoute, type StreamDeps, StreamParams } from './about.ts';
import { mountDownloads, mountUpload } from './files.ts';
import { type FramedReply, openFramedReply, toFailureOutcome } from './framed-reply.ts';

const Query = z.object({
  path: z.string().min(1).max(4_096).default('.').describe('a folder of the workspace'),
  recursive: z.enum(['true', 'false']).default('true').describe('folders below it too'),
});
type Query = z.infer<typeof Query>;

function mountWatch(app: App, deps: StreamDeps): void {
  app.get(
    '/streams/sessions/:sid/watch',
    describeRoute('Watch', 'Watch a folder for changes of its files', {
      schema: {
        params: StreamParams,
        querystring: Query,
        response: {
          200: bytesReply(
            'Frames as in `exec`; each frame of channel 0 is one change as JSON',
            'application/octet-stream',
          ),
        },
      },
      config: { stream: true },
      description:
        'A change has `type` (`create`, `write`, `remove`, `rename`, `chmod`) and `name`, relative to the folder. A move ' +
        'is a `rename` of the old name and a `create` of the new one. `lost`: there were too many changes to keep.',
      fails: [404, 422],
    }),
    ({ params, query }, reply) => watchFiles({ id: toSessionId(params.sid), query, reply }, deps),
  );
}

interface Request {
  readonly id: SessionId;
  readonly query: Query;
  readonly reply: FastifyReply;
}

async function watchFiles({ id, query, reply }: Request, deps: StreamDeps): Promise<FastifyReply> {
  using stack = new DisposableStack();
  const left = new AbortController();
  let out: FramedReply | undefined;
  const reader = {
    onStart: () => {
      out = stack.use(openFramedReply(reply, deps.context)); // until this call, a refusal can still set the status
      out.gone.addEventListener('abort', () => left.abort(), { once: true });
    },
    onChange: (change: object) => out?.write('output', Buffer.from(JSON.stringify(change))),
  };
  const requested = { path: query.path, recursive: query.recursive === 'true' };
  try {
    await deps.streams.watch(id, requested, reader, combineSignals([abortOnDisconnect(reply), left.signal]));
    out?.end({});
  } catch (thrown) {
    if (!out) throw thrown;
    if (!out.gone.aborted) out.end(toFailureOutcome(thrown, deps.logger, 'a watch failed'));
  }
  return reply;
}

async function showTerminal(id: string, reply: FastifyReply, deps: StreamDeps): Promise<FastifyReply> {
  await using line = await deps.terminals.connect(id, abortOnDisconnect(reply));
  using out = openFramedReply(reply, deps.context);
  out.gone.addEventListener('abort', () => line.output.destroy(), { once: true });
  try {
    for await (const chunk of line.output) await out.write('output', chunk as Uint8Array);
    out.end({ reason: await line.ended });
  } catch (thrown) {
    if (!out.gone.aborted) out.end(toFailureOutcome(thrown, deps.logger, 'a terminal failed'));
  }
  return reply;
}

const TerminalParams = z.object({
  shell_id: z
    .string()
    .regex(/^shell_[0-9a-f]{8}$/)
    .describe('the terminal'),
});
const binary = z.string().meta({ format: 'binary' });
const framed = bytesReply(
  'Frames: one byte for the channel (0 output, 1 errors, 2 end, 3 ping), four for the length (big-endian), the payload. ' +
    '`end` is the last one and has JSON',
  'application/octet-stream',
);

export function createStreamRoutes(deps: StreamDeps): FacadeRoutes {
  return {
    mount(app) {
      mountDownloads(app, deps);
      mountWatch(app, deps);
      mountRawBodyRoutes(app, (scope) => mountBodies(scope, deps));
      app.get(
        '/streams/terminals/:shell_id',
        describeRoute('Terminal', 'Read the output of a terminal, from now on', {
          schema: { params: TerminalParams, response: { 200: framed } },
          config: { stream: true },
          description: 'tRPC opens, writes, resizes and closes terminals. A new reader replaces the earlier one.',
          fails: [404, 422],
          missing: 'No such terminal',
        }),
        ({ params }, reply) => showTerminal(params.shell_id, reply, deps),
      );
    },
  };
}

function mountBodies(scope: App, deps: StreamDeps): void {
  mountUpload(scope, deps);
  scope.post(
    '/streams/sessions/:sid/exec',
    describeRoute('Exec', 'Run a command and stream its output', {
      schema: { params: StreamParams, response: { 200: framed } },
      config: { stream: true, idleBody: true },
      description:
        'The body begins with one line of JSON: `command`, and `cwd`, `env` and `timeoutMs` where needed. The bytes ' +
        "after that line are the command's standard input. `end` has `exitCode` and `timedOut`, or `error`.",
      bodyExample: { command: 'make' },
      fails: [404, 422],
      requestContent: { 'application/octet-stream': binary },
    }),
    ({ params, body }, reply) => streamCommand({ id: toSessionId(params.sid), body, reply }, deps),
  );
}

const maxLineBytes = 1024 * 1024;
const Command = z.strictObject({
  command: z.string().min(1).max(1_000_000),
  cwd: z.string().min(1).max(4_096).optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(100_000)).optional(),
  timeoutMs: z.int().min(1).max(86_400_000).optional(),
});

interface CommandRequest {
  readonly id: SessionId;
  readonly body: unknown;
  readonly reply: FastifyReply;
}

async function streamCommand({ id, body, reply }: CommandRequest, deps: StreamDeps): Promise<FastifyReply> {
  const pieces = ((body ?? []) as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]?.();
  const { line, rest } = pieces ? await firstLine(pieces) : { line: Buffer.alloc(0), rest: Buffer.alloc(0) };
  const { command, ...more } = parsed(line);
  using stack = new DisposableStack();
  let out: FramedReply | undefined;
  const input = (async function* () {
    if (rest.length > 0) yield rest;
    for (;;) {
      const next = await pieces?.next();
      if (!next || next.done) return;
      yield next.value;
    }
  })();
  const left = new AbortController();
  const requested = {
    command,
    ...(more.cwd !== undefined && { cwd: more.cwd }),
    ...(more.env !== undefined && { env: more.env }),
    ...(more.timeoutMs !== undefined && { timeoutMs: more.timeoutMs }),
  };
  const pipes = {
    input,
    onStart: () => {
      out = stack.use(openFramedReply(reply, deps.context)); // until this call, a refusal can still set the status
      out.gone.addEventListener('abort', () => left.abort(), { once: true });
    },
    onOutput: (bytes: Uint8Array) => out?.write('output', bytes),
    onErrors: (bytes: Uint8Array) => out?.write('errors', bytes),
  };
  try {
    const ended = await deps.streams.run(id, requested, pipes, combineSignals([abortOnDisconnect(reply), left.signal]));
    out?.end(ended);
  } catch (thrown) {
    if (!out) throw thrown;
    out.end(toFailureOutcome(thrown, deps.logger, 'a streamed command failed'));
  }
  return reply;
}

function parsed(line: Buffer): z.infer<typeof Command> {
  const found = Command.safeParse(parseJsonBody(line));
  if (found.success) return found.data;
  const issues = found.error.issues.map(({ path, message }) => ({
    type: 'value_error',
    loc: ['body', ...path.map(String)],
    msg: message,
  }));
  throw new InvalidRequestError(issues, issues.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`).join('; '));
}

async function firstLine(pieces: AsyncIterator<Uint8Array>): Promise<{ line: Buffer; rest: Buffer }> {
  let held = Buffer.alloc(0);
  for (;;) {
    const end = held.indexOf(10);
    if (end >= 0) return { line: held.subarray(0, end), rest: held.subarray(end + 1) };
    if (held.length > maxLineBytes) throw new AppError('payload_too_large', 'The first line of the body is too long.');
    const { done, value } = await pieces.next();
    if (done) return { line: held, rest: Buffer.alloc(0) };
    held = Buffer.concat([held, value]);
  }
}
