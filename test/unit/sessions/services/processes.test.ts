import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { neverAbortingSignal } from '../../../../src/core/concurrency/cancel.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import type { ListeningPort } from '../../../../src/sandboxes/client/abilities.ts';
import type { ProcessEntry } from '../../../../src/sandboxes/client/client.ts';
import { createProcessService } from '../../../../src/sessions/services/processes.ts';
import { createSandboxHandleService } from '../../../../src/sessions/services/sandbox-interior.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { newSession } from '../../../support/stores/store.ts';

const { signal } = new AbortController();
const at = (second: number) => new Date(1_700_000_000_000 + second * 1_000).toISOString();

/**
 * A sandbox with these processes. A started command gets the next pid from 1000 on, takes one second and exits at once.
 */
async function sandboxWith(
  live: readonly ProcessEntry[],
  log = { size: 0, tail: '' },
  listening: readonly ListeningPort[] = [],
) {
  const clock = manualClock(1_700_000_000_000);
  const signalled: number[] = [];
  const ran: string[] = [];
  let pid = 1_000;
  const client = {
    processes: async () => live,
    ports: { list: async () => listening },
    signalProcess: async (one: number) => void signalled.push(one),
    async exec({ command }: { command: string }) {
      ran.push(command);
      clock.advance(1_000);
      if (log.tail !== '' && command.startsWith('stat')) return { ...log, stdout: log.tail, stderr: `${log.size}\n` };
      return { exitCode: 0, stdout: `${pid++}\n`, stderr: '', timedOut: false };
    },
  };
  const used = { client, [Symbol.asyncDispose]: async () => {} };
  const { records } = createInMemoryStore();
  let ids = 0;
  const service = createProcessService({
    sandboxes: { use: async () => used, look: async () => client } as never,
    ids: { short: () => (ids++).toString(16).padStart(16, '0') } as never,
    records,
    clock,
    known: async () => {},
  });
  return { service, signalled, ran, id: newSession() };
}
const server: ProcessEntry = { pid: 7, cmd: 'python app.py', started: at(0) };

test('running processes are listed and can be stopped, and old logs stay readable, after many others ended', async () => {
  const { service, signalled, id } = await sandboxWith([server]);
  for (let n = 0; n < 201; n++) await service.startBackground(id, 'true', signal);
  const listed = await service.list(id, signal);
  expect(listed).toHaveLength(200);
  expect(listed.at(-1)).toEqual({ pid: 7, cmd: 'python app.py', status: 'running', log: '', started: at(0) });
  expect(listed[0]).toMatchObject({ pid: 1_200, status: 'exited' });
  expect(listed.map(({ pid }) => pid)).not.toContain(1_001);
  expect(await service.logs(id, 1_001, 50, signal)).toMatchObject({ text: '1201\n', truncated: false });
  await service.stop(id, 7, signal);
  expect(signalled).toEqual([7]);
});

test('a process that was not started in the background has an empty log', async () => {
  const { service, ran, id } = await sandboxWith([server]);
  expect([await service.logs(id, 7, 50, signal), ran]).toEqual([{ text: '', log: '', truncated: false }, []]);
  await expect(service.logs(id, 8, 50, signal)).rejects.toMatchObject({ code: 'not_found' });
  await expect(service.stop(id, 8, signal)).rejects.toMatchObject({ code: 'not_found' });
});

test('a log says whether there is more of it than the lines, and where', async () => {
  const more = await sandboxWith([], { size: 8, tail: '1\n2\n3\n4\n' });
  await more.service.startBackground(more.id, 'seq 4', signal);
  const log = '.agent_logs/00000000.log';
  expect(await more.service.logs(more.id, 1_000, 3, signal)).toEqual({ text: '2\n3\n4\n', log, truncated: true });
  expect(await more.service.logs(more.id, 1_000, 4, signal)).toMatchObject({ truncated: false });
  const long = await sandboxWith([], { size: 1024 * 1024 + 1, tail: 'one long line' });
  await long.service.startBackground(long.id, 'yes', signal);
  expect(await long.service.logs(long.id, 1_000, 3, signal)).toMatchObject({ text: 'one long line', truncated: true });
});

test('a running process says its memory and the ports on which it listens', async () => {
  const other: ProcessEntry = { pid: 8, cmd: 'sleep 9', started: at(1) };
  const listening = [{ port: 8_001, pid: 7 }, { port: 8_000, pid: 7 }, { port: 9_000 }];
  const { service, id } = await sandboxWith([{ ...server, memoryBytes: 4_096 }, other], undefined, listening);
  const [second, first] = await service.list(id, signal);
  expect(first).toMatchObject({ pid: 7, memoryBytes: 4_096, ports: [8_001, 8_000] });
  expect(second).toEqual({ pid: 8, cmd: 'sleep 9', status: 'running', log: '', started: at(1) });
});

const id = SessionId.parse('0123456789abcdef');

async function dial(port: number, isOwnMachine: boolean) {
  const dialled: number[] = [];
  const ports = { connect: async (number: number) => dialled.push(number) && new PassThrough() };
  const service = createSandboxHandleService({
    sandboxes: { use: async () => ({ client: { ports }, [Symbol.asyncDispose]: async () => {} }) as never },
    codeOf: () => ({}) as never,
    known: async () => {},
    isOwnMachine,
    closedPorts: new Set([3128, 2718]),
  });
  await using inside = await service.enter(id, neverAbortingSignal);
  const code = await inside.ports.connect(port, neverAbortingSignal).then(
    () => 'open',
    (thrown) => thrown.code,
  );
  return { code, dialled };
}

test.each([
  ['a port of Corral itself is never', 3128, false, 'forbidden'],
  ['a port of Corral itself is never', 2718, false, 'forbidden'],
  ['another port is', 3000, false, 'open'],
  ['a port of a sandbox that nothing isolates, which would be one of the server, is never', 3000, true, 'forbidden'],
])('%s dialled: %i', async (_, port, isOwnMachine, code) =>
  expect(await dial(port, isOwnMachine)).toEqual({ code, dialled: code === 'open' ? [port] : [] }),
);
