import type { ProgramMethods } from '../calls/child-process.ts';
import { type EmissionPlan, emitEvents } from '../calls/emit.ts';
import type { EventTransport } from '../calls/event-reader.ts';
import { type CorralSetup, openCorral } from './corral.ts';
import { addSession } from './corral-store.ts';
import { measurePssKiB } from './process-usage.ts';

// Corral as the subject of two measurements: a fan-out (real store, writer, log, service and stream; only the events
// are injected), and many idle sessions in memory without sandboxes.

interface Argument extends Pick<CorralSetup, 'dataDir' | 'store'> {
  readonly over?: EventTransport;
}
const atOnce = 50;

export async function open(
  { dataDir, store, over = 'sse' }: Argument,
  stack: AsyncDisposableStack,
): Promise<ProgramMethods> {
  const corral = await openCorral(stack, { dataDir, store });
  const id = await addSession(corral);
  const { writer } = await corral.engine.supervisor.reach(id);
  const messageId = corral.ids.messageId();
  const path = over === 'sse' ? `/api/v1/sessions/${id}/events` : `/ws/${id}`;
  const put = (n: number, text: string) =>
    over === 'sse'
      ? writer.write([{ type: 'step', runId: null, data: { id: String(n), description: text, status: 'running' } }])
      : writer.write([{ type: 'message.assistant', runId: null, data: { messageId, text, attachments: [] } }]);
  return {
    listen: async () => `${await corral.listen()}${path}`,
    emit: (emission: EmissionPlan) => emitEvents(emission, put),
    async grow({ count, restMs }: { count: number; restMs: number }): Promise<number> {
      for (let n = 0; n < count; n += atOnce) {
        const some = await Promise.all(Array.from({ length: Math.min(atOnce, count - n) }, () => addSession(corral)));
        await Promise.all(some.map((one) => corral.engine.supervisor.reach(one)));
      }
      return await measurePssKiB(restMs);
    },
  };
}
