import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secret } from '../../core/text/secret.ts';

interface ServerAnnouncement {
  readonly url: string;
  readonly dataDir: string;
  /** Undefined if a sandbox could read the published files. */
  readonly token: Secret | undefined;
}

export async function announceServer({ url, dataDir, token }: ServerAnnouncement): Promise<AsyncDisposable> {
  const found = { url: reachable(url), pid: process.pid, ...(token && { token: token.reveal() }) };
  const files = [join(dataDir, 'server.json')];
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  if (runtime) files.push(join(runtime, 'corral', `${new URL(url).port || '80'}.json`));
  const written: string[] = [];
  for (const file of files) {
    await write(file, found).then(
      () => written.push(file),
      () => {}, // without the file, commands need CORRAL_URL
    );
  }
  return {
    async [Symbol.asyncDispose]() {
      for (const file of written) await rm(file, { force: true });
    },
  };
}

async function write(file: string, found: object): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  await rm(file, { force: true }); // an older file may have different permissions
  await writeFile(file, `${JSON.stringify(found)}\n`, { mode: 0o600, flag: 'wx' });
}

/** A client cannot connect to a wildcard address. */
function reachable(url: string): string {
  return url.replace(/^(https?:\/\/)(0\.0\.0\.0|\[::\])/, '$1127.0.0.1');
}
