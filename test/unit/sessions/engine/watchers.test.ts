import { test as base, describe, expect } from 'vitest';
import { SessionStreamRegistry } from '../../../../src/sessions/engine/watchers.ts';
import { sessionId } from '../../../support/machines/session-parts.ts';

const test = base.extend('watchers', () => new SessionStreamRegistry());

describe('a session', () => {
  test('is watched until the last of its watchers has left', ({ watchers }) => {
    expect(watchers.isWatched(sessionId)).toBe(false);
    const [one, two] = [watchers.watch(sessionId), watchers.watch(sessionId)];
    one[Symbol.dispose]();
    expect(watchers.isWatched(sessionId)).toBe(true);
    two[Symbol.dispose]();
    expect(watchers.isWatched(sessionId)).toBe(false);
  });

  test('is not left twice by one watcher', ({ watchers }) => {
    const [one, _two] = [watchers.watch(sessionId), watchers.watch(sessionId)];
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    expect(watchers.isWatched(sessionId)).toBe(true);
  });

  test('that is deleted fires the signal of each of its watchers', ({ watchers }) => {
    const [one, two] = [watchers.endOf(sessionId), watchers.endOf(sessionId)];
    one[Symbol.dispose]();
    watchers.end(sessionId);
    expect(two.signal.aborted).toBe(true);
  });

  test('has a new end after it was ended, which an old holder cannot take away', ({ watchers }) => {
    const old = watchers.endOf(sessionId);
    watchers.end(sessionId);
    const fresh = watchers.endOf(sessionId);
    old[Symbol.dispose]();
    expect(fresh.signal.aborted).toBe(false);
    watchers.end(sessionId);
    expect(fresh.signal.aborted).toBe(true);
  });

  test('without a watcher can end without an error', ({ watchers }) =>
    expect(() => watchers.end(sessionId)).not.toThrow());
});
