import type { FastifyReply, FastifyRequest } from 'fastify';
import { combineSignals } from '../../../core/concurrency/cancel.ts';
import { toAppError } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import { abortOnDisconnect } from '../../../http/transport/abort-on-disconnect.ts';
import { openSse, toSseFrame } from '../../../http/transport/sse.ts';
import type { SheikhboxContext } from './context.ts';
import type { FilePanelContent, ShellPanelContent } from './replies.ts';

const pollMs = 1_000;

interface Panel<Shown extends object = object> {
  readonly session: SessionId;
  readonly event: 'shell' | 'file';
  read(signal: AbortSignal): Promise<Shown>;
}

export const createShellPanel = (
  id: SessionId,
  shell: string,
  { sessions }: SheikhboxContext,
): Panel<ShellPanelContent> => ({
  session: id,
  event: 'shell',
  async read(signal) {
    const view = await sessions.shell(id, shell, signal);
    const console = view.console.map(({ ps1, command, output }) => ({ ps1, command, output }));
    return { output: console.map(({ output }) => output).join(''), session_id: shell, console };
  },
});

export const createFilePanel = (
  id: SessionId,
  file: string,
  { sessions }: SheikhboxContext,
): Panel<FilePanelContent> => ({
  session: id,
  event: 'file',
  read: async (signal) => ({ content: await sessions.readFile(id, file, signal), file }),
});

export const acceptsEventStream = ({ headers }: FastifyRequest): boolean =>
  headers.accept?.toLowerCase().includes('text/event-stream') ?? false;

/** Sends the panel immediately and after each change. Retries failed reads, except the first. */
export async function streamPanel(reply: FastifyReply, panel: Panel, context: SheikhboxContext): Promise<void> {
  const { sse, clock } = context;
  let shown = toSseFrame({ event: panel.event, data: await panel.read(abortOnDisconnect(reply)) });
  using stream = openSse(reply, sse);
  const ended = combineSignals([stream.gone, followEnd(panel.session, context, stream.gone)]);
  await stream.write(shown);
  while (!ended.aborted) {
    await tick(clock, ended);
    if (ended.aborted) return;
    try {
      const now = toSseFrame({ event: panel.event, data: await panel.read(ended) });
      if (!now.equals(shown)) await stream.write(now);
      shown = now;
    } catch (thrown) {
      if (toAppError(thrown).code === 'session_not_found') return;
    }
  }
}

/** Fires when the session is deleted, without waiting for the next poll. */
function followEnd(id: SessionId, { sessions }: SheikhboxContext, gone: AbortSignal): AbortSignal {
  const end = new AbortController();
  const follow = async () => {
    const { lastSeq } = await sessions.get(id);
    for await (const _ of sessions.follow(id, lastSeq, { signal: gone, deltas: false })) if (gone.aborted) return;
    end.abort();
  };
  follow().catch(() => {}); // the next read finds that the session is gone
  return end.signal;
}

function tick(clock: SheikhboxContext['clock'], gone: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimeout(resolve, pollMs);
  const wake = () => resolve();
  gone.addEventListener('abort', wake, { once: true });
  return promise.finally(() => {
    clock.clearTimeout(timer);
    gone.removeEventListener('abort', wake);
  });
}
