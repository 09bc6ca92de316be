import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildContext } from '../../drivers/docker/images.ts';

const images = fileURLToPath(new URL('../../sandbox-images', import.meta.url));
/** Only in an installation without the tools that make it: the server's own image. */
const built = join(images, 'sandboxd.mjs');
export const initScript = join(images, 'init.sh');

/** The daemon as one file, made once for each start of the server. */
export function daemonBundle(dataDir: string): () => Promise<string> {
  let made: Promise<string> | undefined;
  const make = async () => {
    const outfile = join(dataDir, 'image', 'sandboxd.mjs');
    await mkdir(join(dataDir, 'image'), { recursive: true });
    if (existsSync(built)) await copyFile(built, outfile);
    else await (await import('../../scripts/bundle-sandboxd.ts')).bundleSandboxd(outfile);
    return outfile;
  };
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** The folder that the default image is built from; its hash changes with anything in it. */
export async function imageContext(bundle: () => Promise<string>): Promise<BuildContext> {
  const folder = join(await bundle(), '..');
  const copied = ['Dockerfile', 'init.sh'];
  for (const name of copied) await copyFile(join(images, name), join(folder, name));
  const files = [...copied, 'sandboxd.mjs'];
  const hash = createHash('sha256');
  for (const name of files) hash.update(name).update(await readFile(join(folder, name)));
  return { folder, files, hash: hash.digest('hex').slice(0, 12) };
}
