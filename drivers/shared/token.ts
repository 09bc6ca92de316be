import { createHash } from 'node:crypto';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secret } from '../../src/core/secret.ts';

// A sandbox's environment is shown by its engine and read by what runs in it, so it has only the token's hash. The token
// itself lies in the mounted folder from before the start until the daemon proves that it has it.

export const hashOf = (token: Secret) => `sha256:${createHash('sha256').update(token.reveal()).digest('hex')}`;

const name = 'token';
/** What a daemon is told of it. */
export const tokenEnvironment = (token: Secret, runDir: string) => ({
  CORRAL_SANDBOXD_TOKEN: hashOf(token),
  CORRAL_TOKEN_FILE: join(runDir, name),
});

/** Lays it down. Only for a body that nothing of the user's can run in yet. */
export async function layToken(mount: string, token: Secret): Promise<void> {
  const draft = join(mount, `.${name}`);
  await writeFile(draft, `${token.reveal()}\n`, { mode: 0o444 });
  await chmod(draft, 0o444); // whatever the umask says: the sandbox's user must read it
  await rename(draft, join(mount, name));
}

export const takeToken = (mount: string): Promise<void> => rm(join(mount, name), { force: true });
