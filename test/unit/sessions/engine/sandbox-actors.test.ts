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
    live: unused,
    spec: unused,
    connect: unused,
    prepare: unused,
    ready: unused,
    saw: unused,
    track: unused,
    failed: unused,
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

test('a driver that breaks fails the start with a text for clients, and keeps the cause for the operator', async () => {
  const { end, reports, failures } = begin({ provision: () => Promise.reject(fault) });
  await expect.poll(end).toMatchObject({ kind: 'failed', code: 'sandbox_unavailable', retryable: true });
  expect(failures).toMatchObject([{ code: 'sandbox_unavailable', cause: fault }]);
  const shown = JSON.stringify([reports, end()]);
  expect(shown).toContain("the server's log under the id of this session");
  expect(shown).not.toContain('ENOENT');
});

test('a link that breaks keeps its cause for the operator too', async () => {
  const { end, reports, failures } = begin({
    provision: async () => ({}) as never,
    attach: () => Promise.reject(fault),
  });
  await expect.poll(end).toMatchObject({ kind: 'failed', code: 'sandbox_lost' });
  expect(failures).toMatchObject([{ code: 'sandbox_lost', cause: fault }]);
  expect(JSON.stringify([reports, end()])).not.toContain('ENOENT');
});

test("a driver's own error reaches clients as it is", async () => {
  const full = new AppError('sandbox_capacity', 'All user ids are taken. Delete sessions.');
  const { end, failures } = begin({ provision: () => Promise.reject(full) });
  await expect.poll(end).toMatchObject({ code: 'sandbox_capacity', message: full.publicMessage });
  expect(failures).toEqual([full]);
});

const sandbox = { sessionId: 'session' as SessionId, sandboxId: 'sandbox' as SandboxId };
const disk = (stopped: number) => ({ usedBytes: 20, limitBytes: 10, freeBytes: 1_000, stopped });
const floor = { admit: async () => {}, saw: async () => undefined, forget: () => {} };

function followed(isFresh: boolean) {
  const reports: string[] = [];
  const news = createDiskUsageMonitor(floor, (_id, { reason }) => reports.push(reason));
  return { reports, following: news.follow({ ...sandbox, isFresh }) };
}

test('writers that were ended before a new sandbox first reported are logged', () => {
  const { reports, following } = followed(true);
  using _following = following;
  following.saw(disk(1));
  following.saw(disk(1));
  expect(reports).toEqual(['limit']);
});

test('writers that an adopted sandbox ended earlier are not logged again, later ones are', () => {
  const { reports, following } = followed(false);
  using _following = following;
  following.saw(disk(1));
  expect(reports).toEqual([]);
  following.saw(disk(2));
  expect(reports).toEqual(['limit']);
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
