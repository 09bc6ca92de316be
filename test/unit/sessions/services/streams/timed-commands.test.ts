import { expect, test, vi } from 'vitest';
import { sleep } from '../../../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../../../src/core/model/ids.ts';
import type { ProgramClient } from '../../../../../src/sandboxes/client/client.ts';
import { createStreamService } from '../../../../../src/sessions/services/streams/streams.ts';

const startMs = 40;
const id = 'a session' as SessionId;

/**
 * Commands in a sandbox where a program needs `startMs` to start, then runs forever. A start that is cut off still
 * happens.
 */
function running(begin: () => void = () => {}) {
  const ran = new Set<string>();
  const programs: Pick<ProgramClient, 'open' | 'attach' | 'close'> = {
    async open({ id }, signal) {
      ran.add(id);
      await sleep(startMs, signal);
      begin();
      return { id, pid: 1, startedAt: 0 };
    },
    attach: async () => ({ ended: new Promise(() => {}), write: async () => {}, endInput: () => {}, detach: () => {} }),
    async close(id) {
      ran.delete(id);
    },
  };
  const client = { programs, workdir: '/workspace' };
  const use = async () => ({ client, [Symbol.asyncDispose]: async () => {} });
  const service = createStreamService({
    sandboxes: { use } as unknown as Parameters<typeof createStreamService>[0]['sandboxes'],
    ids: { short: () => 'x' },
    known: async () => {},
  });
  const onStart = vi.fn();
  const pipes = { input: (async function* () {})(), onStart, onOutput: () => {}, onErrors: () => {} };
  return { ran, onStart, run: service.run.bind(service, id), pipes };
}

test('a command whose time is up while it starts is reported as started, and is ended', async () => {
  const { ran, onStart, run, pipes } = running();
  const { signal } = new AbortController();
  const ended = await run({ command: 'sleep 60', timeoutMs: 1 }, pipes, signal);
  expect(ended).toEqual({ exitCode: 124, timedOut: true });
  expect(onStart).toHaveBeenCalledOnce(); // the reader's answer begins with it
  expect(ran.size).toBe(0);
});

test('a command whose client leaves while it starts is ended', async () => {
  const { ran, run, pipes } = running();
  const leaving = new AbortController();
  const ended = run({ command: 'sleep 60' }, pipes, leaving.signal);
  leaving.abort();
  await expect(ended).rejects.toMatchObject({ code: 'cancelled' });
  expect(ran.size).toBe(0);
});

test('a command that cannot start is refused, even if its time is up by then', async () => {
  const { onStart, run, pipes } = running(() => {
    throw new AppError('sandbox_lost', 'The sandbox is gone.');
  });
  const { signal } = new AbortController();
  const refused = run({ command: 'sleep 60', timeoutMs: 1 }, pipes, signal);
  await expect(refused).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect(onStart).not.toHaveBeenCalled();
});
