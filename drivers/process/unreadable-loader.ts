import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireLock } from './lock.ts';

/**
 * A copy of the machine's program loader that can be executed but not read. The kernel hides processes started through it
 * from other processes of the same user: memory, environment, open files (see sandbox-images/init.sh). Undefined if the
 * program has no loader, or the copy does not work here.
 */
export async function unreadableLoader(
  folder: string,
  { program, asRoot }: { program: string; asRoot: boolean },
  signal: AbortSignal,
): Promise<string | undefined> {
  const loader = await loaderOf(program);
  if (loader === undefined) return undefined;
  // The loader's version is in the name, because a loader cannot load another version's library.
  const { size, mtimeMs } = await stat(loader);
  const path = join(folder, `sealed-${size}-${Math.floor(mtimeMs)}`);
  const isMade = async () => (await stat(path).catch(() => undefined)) !== undefined;
  if (await isMade()) return await tried(path);
  // The first sandboxes of an installation can start at once, here and in other servers: one copies, the rest wait for it.
  await using _ = await acquireLock(path, signal);
  if (await isMade()) return await tried(path);
  const draft = `${path}.new`;
  await rm(draft, { force: true }); // a server that was killed can have left half of it
  await copyFile(loader, draft);
  // If the server is not root, the sandbox's user owns the file. If it is root, another user owns it.
  await chmod(draft, asRoot ? 0o711 : 0o111);
  await rename(draft, path);
  return await tried(path);
}

const good = new Set<string>();

/** The copy if a program starts through it, which gVisor, for example, cannot do. A copy that works is not tried again. */
async function tried(path: string): Promise<string | undefined> {
  if (!good.has(path) && !(await startsThrough(path))) return undefined;
  good.add(path);
  return path;
}

async function startsThrough(loader: string): Promise<boolean> {
  const child = spawn(loader, ['/bin/sh', '-c', ':'], { stdio: 'ignore', timeout: 5_000 });
  const [code] = await once(child, 'exit').catch(() => [1]);
  return code === 0;
}

/** The path of the loader, which a program's file names near its beginning. */
async function loaderOf(program: string): Promise<string | undefined> {
  await using file = await open(program);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(8_192), 0, 8_192, 0);
  return /\0(\/lib[\w./-]*\/ld-linux[\w.-]*)\0/.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
}
