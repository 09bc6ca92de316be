import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { temporaryFolder } from './store.ts';

/**
 * Gives each test of a file its own folder, with the path of one SQLite database in it. A test can choose another path.
 */
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
