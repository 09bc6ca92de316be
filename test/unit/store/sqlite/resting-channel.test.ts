import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Channel } from '../../../../src/store/sqlite/channel.ts';
import { restingChannel } from '../../../../src/store/sqlite/resting-channel.ts';

type Echo = { echo: (text: string) => string };
const restMs = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A resting channel over threads that answer after 10 ms, and what became of them. */
function threads({ broken = 0 } = {}) {
  const seen = { started: 0, ended: 0 };
  const open = async (): Promise<Channel<Echo>> => {
    if (++seen.started <= broken) throw new Error('no thread');
    return {
      pending: 0,
      call: (_name, [text]) => new Promise((resolve) => setTimeout(() => resolve(text as never), 10)),
      async [Symbol.asyncDispose]() {
        seen.ended++;
      },
    };
  };
  return { seen, channel: restingChannel<Echo>(open, restMs) };
}

const asked = async (channel: Channel<Echo>, text: string) => {
  const answer = channel.call('echo', [text]);
  await vi.advanceTimersByTimeAsync(10);
  return await answer;
};

test('requests share one thread, which starts with the first of them', async () => {
  const { seen, channel } = threads();
  expect(seen.started).toBe(0);
  expect(await Promise.all([asked(channel, 'a'), asked(channel, 'b')])).toEqual(['a', 'b']);
  expect(seen.started).toBe(1);
});

test('the thread ends after a rest, and the next request starts another', async () => {
  const { seen, channel } = threads();
  await asked(channel, 'a');
  await vi.advanceTimersByTimeAsync(restMs - 1);
  expect(seen).toEqual({ started: 1, ended: 0 });
  await asked(channel, 'b');
  await vi.advanceTimersByTimeAsync(restMs);
  expect(seen).toEqual({ started: 1, ended: 1 });
  expect(await asked(channel, 'c')).toBe('c');
  expect(seen.started).toBe(2);
});

test('a thread with an unanswered request does not end', async () => {
  const { seen, channel } = threads();
  await asked(channel, 'a');
  await vi.advanceTimersByTimeAsync(restMs - 5);
  const late = channel.call('echo', ['late']);
  await vi.advanceTimersByTimeAsync(6);
  expect([seen.ended, channel.pending]).toEqual([0, 1]);
  await vi.advanceTimersByTimeAsync(10);
  expect(await late).toBe('late');
});

test('after a failed start the next request tries again', async () => {
  const { seen, channel } = threads({ broken: 1 });
  await expect(channel.call('echo', ['a'])).rejects.toThrow('no thread');
  expect(await asked(channel, 'b')).toBe('b');
  expect(seen.started).toBe(2);
});

test('a closed channel ends its thread and refuses requests', async () => {
  const { seen, channel } = threads();
  await asked(channel, 'a');
  await channel[Symbol.asyncDispose]();
  expect(seen).toEqual({ started: 1, ended: 1 });
  await expect(channel.call('echo', ['b'])).rejects.toMatchObject({ code: 'store_unavailable' });
});
