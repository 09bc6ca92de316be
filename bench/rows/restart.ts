import { join } from 'node:path';
import { freshFolder } from '../lib/calls/folder.ts';
import { startServer } from '../lib/corral/server.ts';
import { storeSessions } from '../lib/corral/sessions.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { countArrivals, type Pair, type SideRound, timedRow } from '../lib/measure/measure.ts';

// From the start of a process, after a kill -9 of the previous one, to the first good answer of /health, with this many
// stored sessions. The list must then have all sessions. The peer is the same program on an empty folder.

const sessions = 10_000;

export const restart = timedRow({
  name: 'restart',
  title: '10,000 stored sessions: ready again after kill -9',
  variant: { sessions },
  peer: 'corral-empty',
  max: 1.5,
  quickMs: 20_000,
  rounds: { min: 4 },
  open: openPair,
});

async function openPair(stack: AsyncDisposableStack): Promise<Pair> {
  const folder = stack.use(await freshFolder());
  const full = join(folder.path, 'full');
  await storeSessions(full, sessions);
  const started = async (dataDir: string): Promise<SideRound> => {
    const from = monotonicMs();
    await using server = await startServer({ CORRAL_DRIVER: 'memory', CORRAL_DATA_DIR: dataDir });
    const samples = [monotonicMs() - from];
    const expected = dataDir === full ? sessions : 0;
    const received = await listed(server.url);
    process.kill(server.pid, 'SIGKILL');
    return { samples, correct: countArrivals(expected, received) };
  };
  return {
    subject: () => started(full),
    peer: () => started(join(folder.path, 'empty')),
  };
}

async function listed(url: string): Promise<number> {
  const answer = await fetch(`${url}/api/v1/sessions`);
  return ((await answer.json()) as { data: { sessions: unknown[] } }).data.sessions.length;
}
