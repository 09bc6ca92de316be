import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { bytesReply } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { mountRawBodyRoutes } from '../shared/uploads.ts';
import { describeRoute, type StreamDeps, StreamParams } from './about.ts';
import { streamCommand } from './exec.ts';
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
        'is a `rename` of the old name and a `create` of the new one. `lost`: more changed than could be kept.',
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
      out = stack.use(openFramedReply(reply, deps.context)); // until this call, a refusal can still set the response's status
      out.gone.addEventListener('abort', () => left.abort(), { once: true });
    },
    onChange: (change: object) => out?.write('output', Buffer.from(JSON.stringify(change))),
  };
  const requested = { path: query.path, recursive: query.recursive === 'true' };
  try {
    await deps.streams.watch(id, requested, reader, AbortSignal.any([abortOnDisconnect(reply), left.signal]));
    out?.end({});
  } catch (thrown) {
    if (!out) throw thrown;
    if (!out.gone.aborted) out.end(toFailureOutcome(thrown, deps.logger, 'a watch failed'));
  }
  return reply;
}

/** Ends when the shell exits, another reader takes over the terminal, or the client disconnects. */
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

/** Byte streams over plain HTTP, so any platform with `fetch` can use them. */
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
    describeRoute('Exec', 'Run a command, with its output as it comes', {
      schema: { params: StreamParams, response: { 200: framed } },
      config: { stream: true, idleBody: true },
      description:
        'The body begins with one line of JSON: `command`, and `cwd`, `env` and `timeoutMs` where needed. The bytes ' +
        "behind that line are the command's standard input. `end` has `exitCode` and `timedOut`, or `error`.",
      bodyExample: { command: 'make' },
      fails: [404, 422],
      requestContent: { 'application/octet-stream': binary },
    }),
    ({ params, body }, reply) => streamCommand({ id: toSessionId(params.sid), body, reply }, deps),
  );
}
