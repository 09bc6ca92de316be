// A store that is slow while a session is deleted twice, and while its server stops.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { waitForNextLoopTurn } from '../../../src/core/contracts/clock.ts';
import type { AppendRequest } from '../../../src/core/contracts/ports.ts';
import { armFailpoints } from '../../../src/core/errors/failpoint.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { composeCore } from '../../support/servers/composed.ts';

test('F110 a second delete waits until the tombstone of the first is durable', async () => {
  await using server = await composeCore();
  const { sessions } = server.core.services;
  const { id } = await sessions.create({ origin: 'trpc', title: 'twice' });
  await sessions.rename(id, 'in memory');
  using _slow = armFailpoints('store.append.before=sleep(600)', { exit: () => {} });
  let answered = '';
  const first = sessions.delete(id);
  const second = sessions.delete(id).catch(({ code }) => {
    answered = code;
  });
  await pause(200);
  expect(answered).toBe('');
  await second;
  expect(answered).toBe('session_not_found');
  await first;
});

test('a message that is being stored when the server stops is answered as stored', async () => {
  const store = createInMemoryStore();
  const [begun, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let slow = '';
  const append = async (entry: AppendRequest) => {
    if (entry.sessionId === slow) {
      begun.resolve();
      await free.promise;
    }
    return await store.events.append(entry);
  };
  await using server = await composeCore({}, undefined, { store: { ...store, events: { ...store.events, append } } });
  const { sessions } = server.core.services;
  const { id } = await sessions.create({ origin: 'trpc' });
  slow = id;
  const sent = sessions.send(id, { text: 'Say hi', mode: 'inject' });
  await begun.promise;
  const stopped = server.core.engine[Symbol.asyncDispose]();
  await waitForNextLoopTurn(); // the engine accepts no more work, and waits for pending writes
  free.resolve();
  expect(await sent).toMatchObject({ runId: expect.any(String) });
  await stopped;
  const { events } = await store.events.page(id, 0, 100);
  expect(events.map(({ type }) => type)).toContain('message.user');
});
