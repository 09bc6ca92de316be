import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdSource } from '../core/model/ids.ts';

/** The name identifies this installation in the labels of its containers and pods. */
export async function loadOrCreateInstanceName(dataDir: string, ids: IdSource): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, 'instance');
  const fresh = `c${ids.short()}`;
  await writeFile(file, fresh, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return (await readFile(file, 'utf8')).trim();
}
