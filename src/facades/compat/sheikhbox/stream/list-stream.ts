import type { FastifyReply } from 'fastify';
import { sleep } from '../../../../core/concurrency/cancel.ts';
import { runWorkLoop } from '../../../../core/concurrency/rounds.ts';
import type { App } from '../../../../http/routes/routes.ts';
import { openSse, toSseFrame } from '../../../../http/transport/sse.ts';
import { describeRoute, type SheikhboxContext, sessionsPath } from '../context.ts';
import { sessionListStreamReply } from '../replies.ts';
import { toSessionListItem } from '../views.ts';

const minPauseMs = 1_000;

export function mountSessionListStream(app: App, context: SheikhboxContext): void {
  app.post(
    sessionsPath,
    describeRoute('WatchSessions', 'Follow the list of sessions', {
      schema: { response: { 200: sessionListStreamReply } },
      config: { stream: true, reads: true },
      description: 'The whole list at once and on each change, at most once a second. Any body is ignored.',
    }),
    (_request, reply) => streamList(reply, context),
  );
}

async function streamList(reply: FastifyReply, { sessions, sse, clock, profile }: SheikhboxContext): Promise<void> {
  const read = async () => {
    const list = (await sessions.list()).map((session) => toSessionListItem(session, profile));
    return toSseFrame({ event: 'sessions', data: { sessions: list } });
  };
  let shown = await read(); // failures here can still set the status
  using stream = openSse(reply, sse);
  const changes = followList({ sessions, clock }, stream.gone);
  await stream.write(shown);
  while (!stream.gone.aborted) {
    await sleep(minPauseMs, stream.gone, clock).catch(() => {});
    await changes.next();
    if (stream.gone.aborted) return;
    const now = await read().catch(() => shown); // retried after the next change
    if (now.equals(shown)) continue;
    shown = now;
    await stream.write(shown);
  }
}

function followList({ sessions, clock }: Pick<SheikhboxContext, 'sessions' | 'clock'>, gone: AbortSignal) {
  let isNew = false;
  let wake = () => {};
  const ring = () => {
    isNew = true;
    wake();
  };
  const watch = async () => {
    try {
      for await (const _ of sessions.watch(gone)) ring();
    } catch {} // the watcher was evicted after too many simultaneous changes
    ring();
    return minPauseMs;
  };
  void runWorkLoop(watch, { clock, failedMs: minPauseMs }, gone).then(ring);
  return {
    async next(): Promise<void> {
      if (!isNew) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      isNew = false;
    },
  };
}
