import { tell } from './engine-api.ts';
import { monotonicMs } from './generator.ts';

interface Listed {
  readonly Names: readonly string[];
  readonly State: string;
  readonly Id: string;
}
/** After a container runs, its daemon has to dial before it can be claimed. */
const settleMs = 600;
const patienceMs = 60_000;

/** Resolves once so many containers of this installation stand ready, and nothing was started for a moment. */
export async function poolIsFull(instance: string, target: number): Promise<void> {
  const filters = encodeURIComponent(
    JSON.stringify({ label: ['corral.pool', `corral.owner-instance=${instance}`], status: ['running'] }),
  );
  const deadline = monotonicMs() + patienceMs;
  let since = monotonicMs();
  for (let before = ''; ; ) {
    const all = await tell<Listed[]>('GET', `/containers/json?filters=${filters}`);
    const warm = all.filter(({ Names }) => Names.some((name) => name.includes('-warm-')));
    const now = warm.map(({ Id }) => Id).join();
    if (now !== before || warm.length < target) since = monotonicMs();
    if (monotonicMs() - since >= settleMs) return;
    if (monotonicMs() > deadline)
      throw new Error(`the pool has ${warm.length} of ${target} after ${patienceMs / 1_000} s`);
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
