import { beforeAll, describe, expect, test, vi } from 'vitest';
import { simulate } from './simulate.ts';
import type { SimulationReport } from './world.ts';

/**
 * Situations and faults that the seeds must reach, or the simulation proves nothing. Each pattern matches the names of
 * their counters.
 */
const rows: readonly [row: string, met: RegExp][] = [
  [
    'F001 the server is killed between two events, and in the middle of things',
    /^server: kill -9 (between|after|before|in)/,
  ],
  ['F003 the server is killed between the start of a sandbox and its record', /^server: kill -9 after provision/],
  ['F004 the server is killed between the start of a command and its outcome', /^server: kill -9 after start/],
  ['F005 the server is killed while it writes a record', /^F005/],
  ['F008 an action of a session throws', /^crash: a session's actor/],
  ["F008 a run's actor breaks", /^crash: a run's actor/],
  ['F009 a session crashes too often', /^F009/],
  ['F010 a server stands still for longer than its leases last, and wakes', /^replica: is stopped past/],
  ['F015 a restart while a command has a time limit', /^F015/],
  ['F016 a restart while a turn or a call is in flight', /^F015 F016|^F016/],
  ['F028 the driver starts a sandbox, and its answer is lost', /^driver: provision loses its answer/],
  ['F032 a sandbox hangs', /^sandbox: hangs/],
  ['F053 another writer has the log', /^store: fenced/],
  ['F053 a lease is stolen', /^replica: loses a lease/],
  ['F055 one of two servers is stopped for longer than its leases last', /^replica: is stopped past/],
  ['F056 one of two servers is cut off from the store', /^replica: is cut off/],
  ['F060 one of two servers hands its sessions over', /^replica: hands over/],
  ['F053 sessions change their owners', /^F053/],
  ['F062 the store cannot be reached', /^store: store_unavailable/],
  ['F075 the provider asks to wait, with a time and without', /^model: 429/],
  ['F075 a waiting run says so', /^run: waiting_provider/],
  ['F076 the provider fails', /^model: 500/],
  ['F079 a reply is cut', /^model: stream cut/],
  ['F080 a call without sense, of no tool, or with an old id', /^model: (bad arguments|unknown tool|repeats)/],
  ['F081 an empty reply', /^model: empty reply/],
  ['F083 a run makes no progress', /^run: stuck/],
  ['F084 a budget is spent', /^F084/],
  ['F106 stop during provisioning', /^F109 stop during provisioning/],
  ['F107 stop while the model talks', /^F109 stop while the model talks/],
  ['F108 stop during a tool call', /^F109 stop during a tool call/],
  ['F109 stop during stopping', /^F109 stop while stopping/],
  ['F109 stop when idle', /^F109 stop when completed/],
  ['F110 delete during a run', /^F110 delete when running/],
  ['F110 delete during provisioning', /^F110 delete during provisioning/],
  ['F110 delete during stopping', /^F110 delete while stopping/],
  ['F110 delete after its sandbox died', /^F110 delete after/],
  ['F110 delete twice', /^F110 delete (while being deleted|when gone)/],
  ['F110 the server dies in mid-delete', /^F110 the server dies/],
  ...['inject', 'queue', 'replace'].flatMap((mode) =>
    ['when running', 'when waiting', 'while stopping', 'when completed', 'while being deleted'].map(
      (when): [string, RegExp] => [`F111 ${mode} ${when}`, new RegExp(`^F111 ${mode} ${when}`)],
    ),
  ),
  ['F113 a call is approved, rejected, and expires', /^F113 a call is (approved|rejected|expired)/],
  ['F113 a call is approved by command', /^F113 a call is approved by someone/],
  ['F113 a call is rejected by a message', /^F113 a call is rejected by user/],
  ['F113 a call expires', /^F113 a call is expired by timeout/],
  ['F113 a second decision', /^F113 a decision comes second/],
  ['F114 a session whose sandbox was ended gets it back', /^F114/],
  ['F115 more sessions start than have a place to start in', /^F115/],
];

/** Plays many short histories. A failure comes with the command that repeats it. Hundreds of seeds reach every situation. */
export function simulationSuite(file: string, from: number, to: number): void {
  const isWhole = to - from >= 500;
  const only = process.env.SIM_SEED === undefined ? undefined : Number(process.env.SIM_SEED);
  const isMine = only === undefined || (only >= from && only <= to);
  const seeds = only === undefined ? Array.from({ length: to - from + 1 }, (_, n) => from + n) : [only];

  describe.runIf(isMine)(`a server with its users and faults, seeds ${seeds[0]} to ${seeds.at(-1)}`, () => {
    const met = new Map<string, number>();
    const failures: string[] = [];
    let calls = 0;
    let refused = 0;

    beforeAll(async () => {
      // XState's development build warns of each event to a stopped actor; here actors stop all the time.
      using _quiet = vi.spyOn(console, 'warn').mockImplementation(() => {});
      using stack = new DisposableStack();
      stack.adopt(Error.stackTraceLimit, (before) => {
        Error.stackTraceLimit = before; // other files of this process read stacks
      });
      if (only === undefined) Error.stackTraceLimit = 0; // thousands of refusals, whose stacks are not read
      for (const seed of seeds) {
        const result = await simulate(seed);
        for (const [what, times] of result.hits) met.set(what, (met.get(what) ?? 0) + times);
        calls += result.succeeded + result.failed;
        refused += result.failed;
        if (result.problems.length > 0) failures.push(failure(file, seed, result));
      }
    }); // takes seconds on an idle machine

    test('I1 to I8 hold at the end of every history: logs, promises, effects, sandboxes, timers', () => {
      expect(failures.length, failures.slice(0, 3).join('\n\n')).toBe(0);
    });

    if (only !== undefined) return;
    test('I11 more than half of the requests succeed', () => expect(refused).toBeLessThan(calls / 2));

    test.for(isWhole ? rows : [])('%s happens, and the server survives it', ([, pattern]) => {
      expect([...met.keys()].filter((what) => pattern.test(what))).not.toEqual([]);
    });
  });
}

function failure(file: string, seed: number, { problems, trace }: SimulationReport): string {
  const all = trace();
  const shown = process.env.SIM_SEED === undefined ? all.slice(-40) : all;
  return `Seed ${seed}: ${problems.join('\n')}\nAll of it: SIM_SEED=${seed} npm test -- ${file}\n${shown.join('\n')}`;
}
