import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { createSandboxClient } from '../../../src/sandboxes/client/http-client.ts';
import { MemoryBackend } from '../../support/memory-driver/backend.ts';
import { memoryDriver } from '../../support/memory-driver/memory.ts';

const call = () => ({ signal: AbortSignal.timeout(60_000) });
const { signal } = call();
const sessionId = SessionId.parse('00000000000000aa');
const id = sandboxIdOf(sessionId);

test('F055 the daemon refuses whatever an owner sends that has a successor, and lets visitors in', async () => {
  const driver = memoryDriver(new MemoryBackend(systemClock, ['image']));
  const limits = { memoryBytes: 0, cpus: 0, pids: 0, diskBytes: 0 };
  const of = { template: 't', image: 'image', limits, egress: { kind: 'none' }, env: {}, expiresAt: 0 } as const;
  await driver.provision({ id, sessionId, epoch: 1, ...of }, call());
  await using link = await driver.attach(id, call());
  const [first, second, visitor] = [1, 2, undefined].map((epoch) =>
    createSandboxClient({ ...link, ...(epoch && { epoch }) }),
  );
  await first?.writeFile('note', 'first', signal);
  await second?.health(signal);
  await expect(first?.writeFile('note', 'late', signal)).rejects.toMatchObject({ code: 'fenced' });
  const start = { id: 'late', shell: 'main', command: 'echo late > note' };
  await expect(first?.start(start, signal)).rejects.toMatchObject({ code: 'fenced' });
  expect(String(await visitor?.readFile('note', signal))).toBe('first');
  await second?.writeFile('note', 'second', signal);
  expect(String(await visitor?.readFile('note', signal))).toBe('second');
});
