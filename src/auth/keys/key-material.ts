import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../../core/text/secret.ts';
import type { EncryptionKeySettings } from './encryption-keys.ts';
import { readEncryptionKeys } from './encryption-keys.ts';

interface Options {
  readonly config: EncryptionKeySettings;
  /** The file in the data folder that is used if no encryption key is configured. */
  readonly file: string;
  readonly newKey: () => string;
}

/**
 * The configured encryption key and older keys, so that all servers of a store derive the same key for one purpose. Without a
 * configured key, a key is generated and stored with the data.
 */
export async function readKeyMaterial({ config, file, newKey }: Options): Promise<Secret[]> {
  const { encryptionKey, encryptionKeyFile } = config.keys;
  if (encryptionKey || encryptionKeyFile) return await readEncryptionKeys({ config, isSealed: true, newKey });
  const path = join(config.dataDir, file);
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await writeFile(path, newKey(), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return [new Secret((await readFile(path, 'utf8')).trim())];
}
