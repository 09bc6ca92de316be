import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../core/errors/errors.ts';
import { Secret } from '../../core/text/secret.ts';

export interface EncryptionKeySettings {
  readonly dataDir: string;
  readonly keys: {
    readonly encryptionKey?: Secret | undefined;
    /** A file with one or more keys. Default without `encryptionKey`: a generated key in the data folder. */
    readonly encryptionKeyFile?: string | undefined;
  };
}

interface Options {
  readonly config: EncryptionKeySettings;
  /** True if the store has encrypted data, which a new key could not decrypt. */
  readonly isSealed: boolean;
  readonly newKey: () => string;
}

/** Returns the primary key first, then older keys that only decrypt. */
export async function readEncryptionKeys({ config, isSealed, newKey }: Options): Promise<Secret[]> {
  const { encryptionKey, encryptionKeyFile } = config.keys;
  if (encryptionKey) return split(encryptionKey.reveal());
  const own = join(config.dataDir, 'encryption-key');
  const path = encryptionKeyFile ?? own;
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (path === own && cause.code === 'ENOENT' && !isSealed) return undefined;
    const which = path === own ? `${path}, which the server created at its first start,` : path;
    throw new AppError(
      'invalid_request',
      `The encryption key of the stored provider keys cannot be read: ${which} (${cause.code}). Put it back, or set ` +
        'CORRAL_KEYS_ENCRYPTION_KEY.',
      { cause },
    );
  });
  if (text !== undefined) {
    if (path === own) await chmod(own, 0o600);
    return split(text);
  }
  const created = newKey();
  await mkdir(dirname(own), { recursive: true });
  await writeFile(own, `${created}\n`, { mode: 0o600, flag: 'wx' });
  return [new Secret(created)];
}

function split(text: string): Secret[] {
  const keys = text.split(/[\s,]+/).filter((key) => key !== '');
  if (keys.length > 0) return keys.map((key) => new Secret(key));
  throw new AppError('invalid_request', 'The encryption key of the stored provider keys is empty.');
}

interface KeyMaterialOptions {
  readonly config: EncryptionKeySettings;
  readonly file: string;
  readonly newKey: () => string;
}

/** If no key is configured, one is generated and stored in `file`. */
export async function readKeyMaterial({ config, file, newKey }: KeyMaterialOptions): Promise<Secret[]> {
  const { encryptionKey, encryptionKeyFile } = config.keys;
  if (encryptionKey || encryptionKeyFile) return await readEncryptionKeys({ config, isSealed: true, newKey });
  const path = join(config.dataDir, file);
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await writeFile(path, newKey(), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return [new Secret((await readFile(path, 'utf8')).trim())];
}
