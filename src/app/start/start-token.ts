import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashToken, type TokenHash } from '../../auth/token.ts';
import { Secret } from '../../core/text/secret.ts';
import type { Config } from '../settings/config.ts';

/**
 * Without isolation, programs in a sandbox can reach the API. The demo model is exempt by default, because it runs only
 * its user's commands.
 */
export const requiresStartToken = (
  isolation: string,
  { model, unconfined, token }: Pick<Config, 'model' | 'unconfined' | 'token'>,
): boolean => isolation === 'none' && (model !== 'demo' || unconfined) && token === undefined;

export interface StartToken {
  readonly hash: TokenHash;
  /** Set only if the token was just created. */
  readonly token?: Secret;
  readonly path: string;
}

/** Stores only a hash: without isolation, a sandbox can read the file. */
export async function ensureStartToken(dataDir: string, newToken: () => string): Promise<StartToken> {
  const path = join(dataDir, 'start-token');
  const kept = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '';
  });
  if (/^[0-9a-f]{64}$/.test(kept)) return { hash: { sha256: kept }, path };
  const token = new Secret(newToken());
  const hash = hashToken(token.reveal());
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeFile(path, hash.sha256, { mode: 0o600 });
  return { hash, token, path };
}
