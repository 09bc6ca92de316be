import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { InvalidRequestError } from '../../http/errors/error-style.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { parseJsonBody } from '../../http/transport/json-body.ts';
import type { StreamDeps } from './about.ts';
import { type FramedReply, openFramedReply, toFailureOutcome } from './framed-reply.ts';

const maxLineBytes = 1024 * 1024;
const Command = z.strictObject({
  command: z.string().min(1).max(1_000_000),
  cwd: z.string().min(1).max(4_096).optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(100_000)).optional(),
  timeoutMs: z.int().min(1).max(86_400_000).optional(),
});

interface Request {
  readonly id: SessionId;
  readonly body: unknown;
  readonly reply: FastifyReply;
}

export async function streamCommand({ id, body, reply }: Request, deps: StreamDeps): Promise<FastifyReply> {
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
      out = stack.use(openFramedReply(reply, deps.context)); // until this call, a refusal can still set the response's status
      out.gone.addEventListener('abort', () => left.abort(), { once: true });
    },
    onOutput: (bytes: Uint8Array) => out?.write('output', bytes),
    onErrors: (bytes: Uint8Array) => out?.write('errors', bytes),
  };
  try {
    const ended = await deps.streams.run(
      id,
      requested,
      pipes,
      AbortSignal.any([abortOnDisconnect(reply), left.signal]),
    );
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
