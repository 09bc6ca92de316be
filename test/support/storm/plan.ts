import { seeded } from '../simulation/dice.ts';

export const faults = {
  'server kill -9': 4,
  'server SIGTERM': 2,
  'server stands still': 2,
  'sandbox killed': 4,
  'sandbox removed': 2,
  'sandbox paused': 2,
  'daemon killed': 3,
  'daemon stands still': 2,
  'engine hangs': 2,
  'engine answers 500': 2,
  'engine cuts its answers': 2,
  'engine is slow': 2,
  'store is cut off': 3,
  'store loses an answer': 2,
  'store is slow': 2,
  'store is locked': 3,
  'slow clients': 2,
  'flood of requests': 2,
  'flood of connections': 2,
  'output of 5 MB': 2,
  'full disk': 2,
  'burst of messages': 3,
  'storm of stops': 3,
  'storm of deletes': 2,
} as const;
export type Fault = keyof typeof faults;

/** Whether the fault can be made in this world. */
function isPossible(fault: Fault, { driver, store }: StormWorld): boolean {
  if (/^engine|^sandbox (removed|paused)/.test(fault)) return driver === 'docker';
  if (!fault.startsWith('store ')) return true;
  return store === (fault === 'store is locked' ? 'sqlite' : 'mongodb');
}

export interface StormWorld {
  readonly driver: 'docker' | 'process';
  readonly store: 'sqlite' | 'mongodb';
}
export interface Step {
  /** Milliseconds since the storm began. */
  readonly atMs: number;
  readonly fault: Fault;
  readonly lastsMs: number;
  /** Chooses the session, 0 to 1. */
  readonly at: number;
}

/** The steps of a storm: every possible fault in turn, in the order and at the times that the seed determines. */
export function stormPlan(seed: number, ms: number, world: StormWorld): Step[] {
  const random = seeded(seed);
  const possible = (Object.keys(faults) as Fault[]).filter((fault) => isPossible(fault, world));
  let deck: Fault[] = [];
  const drawn = (): Fault => {
    if (deck.length === 0) deck = possible.flatMap((fault) => Array.from({ length: faults[fault] }, () => fault));
    return deck.splice(Math.floor(random() * deck.length), 1)[0] as Fault;
  };
  const steps: Step[] = [];
  for (let atMs = 3_000 + random() * 1_000; atMs < ms; atMs += 800 + random() * 2_400)
    steps.push({ atMs: Math.round(atMs), fault: drawn(), lastsMs: Math.round(500 + random() * 4_500), at: random() });
  return steps;
}
