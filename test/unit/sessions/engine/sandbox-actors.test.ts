import { expect, test } from 'vitest';
import type { Driver } from '../../../../drivers/driver.ts';
import { systemClock } from '../../../../src/core/contracts/clock.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { SandboxId, SessionId } from '../../../../src/core/model/ids.ts';
import { createDiskUsageMonitor } from '../../../../src/sessions/engine/sandbox/disk-reports.ts';
import { LocalSandboxes } from '../../../../src/sessions/engine/sandbox/sandbox-access.ts';
import { provideSandboxMachine, type SandboxDeps } from '../../../../src/sessions/engine/sandbox/sandbox-actors.ts';
import { type SandboxFact, SandboxFactChannel } from '../../../../src/sessions/engine/sandbox/sandbox-facts.ts';
import { asChild, sandboxInput, sandboxPolicy } from '../../../support/machines/machines.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { sessionId } from '../../../support/machines/session-parts.ts';
import { MemoryBackend } from '../../../support/memory-driver/backend.ts';
import { memoryDriver } from '../../../support/memory-driver/memory.ts';

const unused = () => {
  throw new Error('a release needs no running sandbox');
};

test('the log names a sandbox that the driver could not end, and its session continues', async () => {
  const clock = manualClock();
  const backend = new MemoryBackend(clock, []);
  const warned: object[] = [];
  const machine = provideSandboxMachine({
    driver: memoryDriver(backend),
    clock,
    logger: { warn: (about: object) => void warned.push(about) },
    startTimeoutMs: 1_000,
    ...{ live: unused, spec: unused, connect: unused, prepare: unused },
    ...{ ready: unused, saw: unused, track: unused, failed: unused },
  });
  backend.next('destroy', { fail: 'driver_unavailable' });
  const input = sandboxInput({ begin: 'release' });
  const { ends } = asChild(machine, input);
  await expect.poll(() => ends).toEqual([{ output: { kind: 'released', workspace: 'remove', unfinished: true } }]);
  const { sessionId: session, sandboxId: sandbox } = input;
  expect(warned).toMatchObject([{ session, sandbox, workspace: 'remove', err: { code: 'driver_unavailable' } }]);
});

test('a fact goes to the listener; one that is sent before anyone listens is dropped', () => {
  const facts = new SandboxFactChannel();
  const received: unknown[] = [];
  const fact: SandboxFact = { type: 'egress', data: { host: 'a' } };
  facts.tell(sessionId, fact);
  facts.listen((id, one) => received.push([id, one]));
  facts.tell(sessionId, fact);
  expect(received).toEqual([[sessionId, fact]]);
});

const fault = new Error("ENOENT: no such file or directory, chmod '/srv/corral/data/s/sealed'");

function begin(driver: Partial<Driver>) {
  const failures: AppError[] = [];
  const deps: Partial<SandboxDeps> = {
    driver: driver as Driver,
    clock: systemClock,
    startTimeoutMs: 5_000,
    track: () => {},
    live: () => ({ writer: { write: async () => 1 } }) as never,
    spec: () => ({}) as never,
    failed: (_, failure) => void failures.push(failure),
  };
  const policy = { ...sandboxPolicy, maxRetries: 0 };
  const sandbox = asChild(provideSandboxMachine(deps as SandboxDeps), sandboxInput({ policy }));
  sandbox.actor.send({ type: 'slot.granted' });
  return { ...sandbox, failures };
}

test.each<[string, Partial<Driver>, code: string]>([
  ['driver', { provision: () => Promise.reject(fault) }, 'sandbox_unavailable'],
  ['link', { provision: async () => ({}) as never, attach: () => Promise.reject(fault) }, 'sandbox_lost'],
])(
  'a %s that breaks fails the start with a text for clients, and keeps the cause for the operator',
  async (_, driver, code) => {
    const { end, reports, failures } = begin(driver);
    await expect.poll(end).toMatchObject({ kind: 'failed', code, retryable: true });
    expect(failures).toMatchObject([{ code, cause: fault }]);
    const shown = JSON.stringify([reports, end()]);
    expect(shown).toContain("the server's log under the id of this session");
    expect(shown).not.toContain('ENOENT');
  },
);

test("a driver's own error reaches clients as it is", async () => {
  const full = new AppError('sandbox_capacity', 'All user ids are taken. Delete sessions.');
  const { end, failures } = begin({ provision: () => Promise.reject(full) });
  await expect.poll(end).toMatchObject({ code: 'sandbox_capacity', message: full.publicMessage });
  expect(failures).toEqual([full]);
});

const sandbox = { sessionId: 'session' as SessionId, sandboxId: 'sandbox' as SandboxId };
const floor = { admit: async () => {}, saw: async () => undefined, forget: () => {} };

test.each([
  ['are logged, once, where the sandbox is new', true, [1, 1], ['limit']],
  ['are not logged again where it was adopted', false, [1], []],
  ['are logged where they were ended after it was adopted', false, [1, 2], ['limit']],
])('writers that were ended before the first report %s', (_, isFresh, stops, expected) => {
  const reports: string[] = [];
  const news = createDiskUsageMonitor(floor, (_id, { reason }) => reports.push(reason));
  using following = news.follow({ ...sandbox, isFresh });
  for (const stopped of stops) following.saw({ usedBytes: 20, limitBytes: 10, freeBytes: 1_000, stopped });
  expect(reports).toEqual(expected);
});

test('after a call loses its connection, the next use waits until the sandbox answers or is replaced', async () => {
  const clock = manualClock();
  const answers = [false, true, false, false];
  const health = async () => {
    if (!answers.shift()) throw new AppError('sandbox_lost', 'gone');
  };
  const live: { client: unknown } = { client: { health } };
  const sent: string[] = [];
  const sandboxes = new LocalSandboxes({
    supervisor: { command: async () => 1, send: (_: string, { type }: { type: string }) => void sent.push(type) },
    liveSessions: { get: () => live },
    pendingCommands: { settle: unused },
    ids: { short: () => 'command' },
    clock,
    hooks: [],
  } as never);
  const { signal } = new AbortController();
  const acquire = () => sandboxes.use(sessionId, signal);
  const lose = async () => {
    await using lease = await acquire();
    lease.markLost?.();
  };
  await lose();
  const [answering] = await Promise.all([acquire(), clock.pass(250)]);
  expect([answering.client, answers.length]).toEqual([live.client, 2]);
  await lose();
  const replaced = acquire();
  await clock.pass(250);
  live.client = { health: unused };
  await clock.pass(250);
  expect((await replaced).client).toBe(live.client);
  expect(sent).toHaveLength(5); // each lease but the two that are held
});
