import { setTimeout as pause } from 'node:timers/promises';
import type { SessionFact } from '../../src/core/events.ts';
import type { IdSource, SessionId } from '../../src/core/ids.ts';
import type { Program } from './child-process.ts';
import { openCorral } from './corral.ts';
import { type Footprint, footprint } from './memory.ts';
import { addSession } from './sessions.ts';

// Corral with many unused sessions. `hot`: each has its actor in memory and no sandbox. `passivated`: each actor has
// left memory. `finished`: likewise, after a run of 200 events.

interface Argument {
  readonly dataDir: string;
  readonly state: 'hot' | 'passivated' | 'finished';
}
const atOnce = 50;

export async function open({ dataDir, state }: Argument): Promise<Program> {
  const corral = await openCorral({
    dataDir,
    store: 'normal',
    settings: { CORRAL_SESSION_PASSIVATE_SECONDS: state === 'hot' ? '86400' : '1' },
  });

  async function add(count: number): Promise<void> {
    const made: SessionId[] = [];
    for (let n = 0; n < count; n += atOnce) {
      const some = await Promise.all(Array.from({ length: Math.min(atOnce, count - n) }, () => addSession(corral)));
      const lives = await Promise.all(some.map((id) => corral.engine.supervisor.reach(id)));
      if (state === 'finished') await Promise.all(lives.map(({ writer }) => writer.write(aRun(corral.ids))));
      made.push(...some);
    }
    while (state !== 'hot' && made.some((id) => corral.engine.liveSessions.get(id))) await pause(50);
  }

  return {
    methods: {
      async grow({ count, restMs }: { count: number; restMs: number }): Promise<Footprint> {
        await add(count);
        return await footprint(restMs);
      },
    },
    [Symbol.asyncDispose]: () => corral[Symbol.asyncDispose](),
  };
}

/** The events of a finished run: 200, from the message to the end. */
function aRun(ids: IdSource): SessionFact[] {
  const [runId, messageId] = [ids.runId(), ids.messageId()];
  const step = (n: number): SessionFact => {
    const description = `step ${n} `.padEnd(120, '.');
    return { type: 'step', runId, data: { id: String(n), description, status: 'completed' } };
  };
  return [
    { type: 'message.user', runId, data: { messageId, text: 'Do it', attachments: [] } },
    { type: 'run.started', runId, data: { task: 'Do it', messageId } },
    ...Array.from({ length: 197 }, (_, n) => step(n)),
    { type: 'run.end', runId, data: { status: 'completed', reason: 'completed', task: 'Do it' } },
  ];
}
