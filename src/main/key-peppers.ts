import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Peppers, peppers } from '../auth/pepper.ts';
import type { Config } from '../config/config.ts';
import { Secret } from '../core/secret.ts';
import { encryptionKeys } from './encryption-keys.ts';

/**
 * What API keys are hashed under. Where an encryption key is configured it is derived from that, so that all servers of
 * one store have the same, and outlives its rotation; else one is made and kept with the data.
 */
export async function keyPeppers(config: Pick<Config, 'keys' | 'dataDir'>, newKey: () => string): Promise<Peppers> {
  const { encryptionKey, encryptionKeyFile } = config.keys;
  if (encryptionKey || encryptionKeyFile) return peppers(await encryptionKeys({ config, isSealed: true, newKey }));
  const file = join(config.dataDir, 'api-key-pepper');
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await writeFile(file, newKey(), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return peppers([new Secret((await readFile(file, 'utf8')).trim())]);
}
