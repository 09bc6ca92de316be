import { expect, test } from 'vitest';
import type { Driver, SandboxLink } from '../../../../drivers/driver.ts';
import { createDaemonTrust } from '../../../../src/sandboxes/client/answers/daemon-trust.ts';
import type { SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { RemoteSandboxes } from '../../../../src/sessions/cluster/cluster.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { sessionId } from '../../../support/machines/session-parts.ts';

function bench() {
  const opening = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  const link = { lost: new AbortController().signal, [Symbol.asyncDispose]: async () => {} } as unknown as SandboxLink;
  const attach: Driver['attach'] = async (_id, { signal }) => {
    signals.push(signal);
    await opening.promise;
    signal.throwIfAborted();
    return link;
  };
  const remoteSandboxes = new RemoteSandboxes({
    driver: { attach } as unknown as Driver,
    clock: manualClock(),
    connect: () => ({ trust: createDaemonTrust() }) as SandboxClient,
    holder: { askForUse: async () => {}, distrust: () => {} },
    freshMs: 1_000,
  });
  return { remoteSandboxes, opening, attached: () => signals.length };
}

test('a way that several wait for is opened once, and stays theirs when the first of them leaves', async () => {
  const { remoteSandboxes, opening, attached } = bench();
  await using _guests = remoteSandboxes;
  const leave = new AbortController();
  const first = remoteSandboxes.look(sessionId, leave.signal);
  const second = remoteSandboxes.look(sessionId, new AbortController().signal);
  await expect.poll(attached).toBe(1);
  leave.abort();
  await expect(first).rejects.toMatchObject({ code: 'cancelled' });
  opening.resolve();
  expect(await second).toMatchObject({ users: 0 });
  expect(attached()).toBe(1);
});
