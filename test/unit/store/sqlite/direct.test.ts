import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { sqliteStore } from '../../../../src/store/sqlite/store.ts';
import { facts, newSession, temporaryFolder } from '../../../support/store.ts';

test('the callers that wait for a commit continue before the next commit starts', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'corral.db');
  await using store = await sqliteStore({ path });
  using db = new DatabaseSync(path, { readOnly: true });
  const committed = () => Number(db.prepare('SELECT count(*) AS n FROM event').get()?.n);
  const sessionId = newSession();
  const append = (after: number) => store.events.append({ sessionId, after, at: 1, facts: facts(1) });
  await append(0);
  const next = append(1);
  for (let hop = 0; hop < 100; hop++) await undefined;
  expect(committed()).toBe(1);
  await next;
  expect(committed()).toBe(2);
});
