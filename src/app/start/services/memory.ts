import { runWorkLoop } from '../../../core/concurrency/rounds.ts';
import { createMemoryService } from '../../../sessions/memory/memory-service.ts';
import type { ServerWithEngine } from '../engine.ts';
import { runInBackground } from '../startup.ts';

interface MemoryDeps {
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projects: () => Promise<ReadonlyMap<string, string>>;
}
const dayMs = 86_400_000;
const roundMs = 3_600_000;

export function openMemoryService(
  { config, clock, metrics, closing, notes, replica, warn }: ServerWithEngine,
  { people, projects }: MemoryDeps,
) {
  const { days, historyDays } = config.memory;
  const ages = {
    ...(days > 0 && { noteMs: days * dayMs }),
    ...(historyDays > 0 && { historyMs: historyDays * dayMs }),
  };
  const round = async () => {
    if (await replica.mayDeleteOld()) await notes.age(ages);
    return roundMs;
  };
  const onError = (err: unknown) => warn({ err }, 'old notes could not be deleted; trying again');
  const repeats = { clock, firstMs: roundMs / 60, failedMs: roundMs / 60, onError };
  return {
    service: createMemoryService({
      notes,
      people,
      projects,
      count: (action) => metrics.memoryChange('person', action),
    }),
    ...runInBackground(closing, (signal) => runWorkLoop(round, repeats, signal)),
  };
}
