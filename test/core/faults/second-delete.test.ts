// A store that is slow while a session is deleted twice.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { armFailpoints } from '../../../src/core/errors/failpoint.ts';
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
