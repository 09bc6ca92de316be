import { chmod, copyFile, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A copy of the machine's program loader that can be executed and not read. The kernel lets no other process of the same
 * user look into what was started through it: its memory, environment and open files (sandbox-images/init.sh). Undefined
 * where the program has no loader of its own.
 */
export async function sealIn(
  folder: string,
  { program, asRoot }: { program: string; asRoot: boolean },
): Promise<string | undefined> {
  const loader = await loaderOf(program);
  if (loader === undefined) return undefined;
  // Named by its version: a loader does not load another version's library.
  const { size, mtimeMs } = await stat(loader);
  const path = join(folder, `sealed-${size}-${Math.floor(mtimeMs)}`);
  if (await stat(path).catch(() => undefined)) return path;
  const draft = `${path}.${process.pid}`;
  await rm(draft, { force: true });
  await copyFile(loader, draft);
  // The sandbox's user is the file's owner where the server is not root, and another one where it is.
  await chmod(draft, asRoot ? 0o711 : 0o111);
  await rename(draft, path);
  return path;
}

/** The loader that a program names near its beginning. */
async function loaderOf(program: string): Promise<string | undefined> {
  await using file = await open(program);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(8_192), 0, 8_192, 0);
  return /\0(\/lib[\w./-]*\/ld-linux[\w.-]*)\0/.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
}
