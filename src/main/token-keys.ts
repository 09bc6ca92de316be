import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { Secret } from '../core/secret.ts';
import { encryptionKeys } from './encryption-keys.ts';

/**
 * What the tokens of pods are derived from. Where an encryption key is configured it is that one, so that all replicas
 * have the same; else one of its own is made and kept with the data.
 */
export async function tokenKeys(config: Pick<Config, 'keys' | 'dataDir'>, newKey: () => string): Promise<Secret[]> {
  const { encryptionKey, encryptionKeyFile } = config.keys;
  if (encryptionKey || encryptionKeyFile) return await encryptionKeys({ config, isSealed: true, newKey });
  const file = join(config.dataDir, 'sandbox-key');
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await writeFile(file, newKey(), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return [new Secret((await readFile(file, 'utf8')).trim())];
}
