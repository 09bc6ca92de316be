import { createHash } from 'node:crypto';
import { existsSync, globSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AppError } from '../../core/errors/errors.ts';
import type { PageFiles } from '../../facades/shared/facade.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Shipped prebuilt in the npm package and the server's image. */
const built = join(root, 'page');
const cache = join(root, 'node_modules/.cache/corral-page');

/** In a clone of the repository, the first call rebuilds the files if their sources have changed. */
export function createPageLoader(): () => Promise<PageFiles> {
  let created: Promise<PageFiles> | undefined;
  return () => {
    created ??= read().catch((thrown: unknown) => {
      created = undefined;
      throw thrown;
    });
    return created;
  };
}

async function read(): Promise<PageFiles> {
  const folder = existsSync(built) ? built : await builtHere();
  const names = (await readdir(folder)).filter((name) => extname(name) !== '');
  const files = names.map(async (name) => [name, await readFile(join(folder, name))] as const);
  return { byName: new Map(await Promise.all(files)), apiDocs: pathToFileURL(join(folder, 'api-docs/')) };
}

async function builtHere(): Promise<string> {
  const folder = join(cache, await hashOfSources());
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  try {
    await mkdir(draft, { recursive: true });
    await (await import('./bundle-page.ts')).bundlePage(draft, { isDevelopment: true });
    await rename(draft, folder);
  } catch (thrown) {
    await rm(draft, { recursive: true, force: true });
    if (existsSync(folder)) return folder; // another server built it first
    throw new AppError(
      'internal',
      'The page could not be built, so only the APIs are available. Run `npm ci` in the folder of Corral, then start again.',
      { cause: thrown },
    );
  }
  return folder;
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256');
  const files = [
    ...globSync('src/web/**/*.*', { cwd: root }).sort(),
    ...['package-lock.json', 'src/app/page/bundle-page.ts', 'node_modules/.package-lock.json'],
  ];
  for (const name of files) {
    const file = join(root, name);
    if (existsSync(file)) hash.update(name).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}
