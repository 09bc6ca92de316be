import { describe, expect, test } from 'vitest';
import { Presence } from '../../../../src/session/engine/watchers.ts';
import { sessionId } from '../../../support/session-parts.ts';

describe('a session', () => {
  test('is watched until the last of its watchers has left', () => {
    const presence = new Presence();
    expect(presence.isWatched(sessionId)).toBe(false);
    const [one, two] = [presence.watch(sessionId), presence.watch(sessionId)];
    one[Symbol.dispose]();
    expect(presence.isWatched(sessionId)).toBe(true);
    two[Symbol.dispose]();
    expect(presence.isWatched(sessionId)).toBe(false);
  });

  test('is not left twice by one watcher', () => {
    const presence = new Presence();
    const [one, _two] = [presence.watch(sessionId), presence.watch(sessionId)];
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    expect(presence.isWatched(sessionId)).toBe(true);
  });

  test('tells all who hold its end when it is deleted', () => {
    const presence = new Presence();
    const [one, two] = [presence.endOf(sessionId), presence.endOf(sessionId)];
    one[Symbol.dispose]();
    presence.end(sessionId);
    expect(two.signal.aborted).toBe(true);
  });

  test('has a new end after it was ended, which an old holder cannot take away', () => {
    const presence = new Presence();
    const old = presence.endOf(sessionId);
    presence.end(sessionId);
    const fresh = presence.endOf(sessionId);
    old[Symbol.dispose]();
    expect(fresh.signal.aborted).toBe(false);
    presence.end(sessionId);
    expect(fresh.signal.aborted).toBe(true);
  });

  test('that nobody holds can be ended all the same', () => {
    expect(() => new Presence().end(sessionId)).not.toThrow();
  });
});
