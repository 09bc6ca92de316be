import { createHash } from 'node:crypto';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secret } from '../../../src/core/text/secret.ts';

// Programs and the engine can read the environment, so it contains only the token's hash.

export const hashDaemonToken = (token: Secret) => `sha256:${createHash('sha256').update(token.reveal()).digest('hex')}`;

const name = 'token';
export const createTokenEnvironment = (token: Secret, runDir: string) => ({
  CORRAL_SANDBOXD_TOKEN: hashDaemonToken(token),
  CORRAL_TOKEN_FILE: join(runDir, name),
});

/** Call only before any of the user's code can run in the sandbox. */
export async function writeTokenFile(mount: string, token: Secret): Promise<void> {
  const draft = join(mount, `.${name}`);
  await writeFile(draft, `${token.reveal()}\n`, { mode: 0o444 });
  await chmod(draft, 0o444); // `writeFile` applies the umask, but the sandbox's user must be able to read it
  await rename(draft, join(mount, name));
}

export const removeTokenFile = (mount: string): Promise<void> => rm(join(mount, name), { force: true });
