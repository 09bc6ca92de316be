import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { temporaryFolder } from './store.ts';

/** Gives each test of a file a folder of its own, with the place for one SQLite database in it. A test may choose another place. */
export function databasePerTest(): { readonly folder: string; path: string } {
  const database = { folder: '', path: '' };
  let made: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    made = temporaryFolder();
    Object.assign(database, { folder: made.path, path: join(made.path, 'corral.db') });
  });
  afterEach(() => made[Symbol.dispose]());
  return database;
}
