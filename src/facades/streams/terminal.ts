import type { FastifyReply } from 'fastify';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import type { StreamDeps } from './deps.ts';
import { failureOutcome, openFrames } from './framed-reply.ts';

/** Sends a terminal's output until the shell exits, another reader takes the terminal over, or the client leaves. */
export async function showTerminal(id: string, reply: FastifyReply, deps: StreamDeps): Promise<FastifyReply> {
  await using line = await deps.terminals.connect(id, abortOnDisconnect(reply));
  using out = openFrames(reply, deps.context);
  out.gone.addEventListener('abort', () => line.output.destroy(), { once: true });
  try {
    for await (const chunk of line.output) await out.write('output', chunk as Uint8Array);
    out.end({ reason: await line.ended });
  } catch (thrown) {
    if (!out.gone.aborted) out.end(failureOutcome(thrown, deps.logger, 'a terminal failed'));
  }
  return reply;
}
