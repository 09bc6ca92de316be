import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CopiedFiles } from '../client/index.ts';
import { createTarHeaders, createTarPadding, tarEnd } from '../core/text/tar.ts';
import { trimCharacters } from '../core/text/text.ts';
import { UsageError } from './exit-codes.ts';

interface Entry {
  /** Relative to the folder. */
  readonly path: string;
  readonly type: 'file' | 'folder' | 'link';
  readonly mode: number;
  readonly size: number;
  readonly link: string;
}
const maxEntries = 100_000;

/** The files that the COPY instructions of a folder's Dockerfile need, except those that .dockerignore excludes. */
export class DockerBuildContext {
  readonly #root: string;
  readonly #isIgnored: (path: string) => boolean;

  private constructor(root: string, isIgnored: (path: string) => boolean) {
    this.#root = root;
    this.#isIgnored = isIgnored;
  }

  static async open(root: string): Promise<DockerBuildContext> {
    const text = await readFile(join(root, '.dockerignore'), 'utf8').catch(() => '');
    return new DockerBuildContext(root, parseIgnoreRules(text));
  }

  async files(source: string): Promise<CopiedFiles> {
    const entries = await this.#entries(sureFolder(source));
    if (entries.length === 0) throw new UsageError(`COPY ${source}: it does not exist in ${this.#root}.`);
    const hash = createHash('sha256');
    for (const entry of entries) {
      hash.update(JSON.stringify(entry));
      if (entry.type === 'file') hash.update(await this.#digest(entry.path));
    }
    return { hash: hash.digest('hex'), archive: () => this.#archive(entries) };
  }

  async #entries(top: string): Promise<readonly Entry[]> {
    const found: Entry[] = [];
    const look = async (path: string): Promise<void> => {
      const about = await lstat(join(this.#root, path)).catch(() => undefined);
      if (!about) return;
      const isFolder = about.isDirectory();
      const isLink = about.isSymbolicLink();
      if (!isFolder && !isLink && !about.isFile()) return; // sockets and pipes have no content
      if (path !== '' && !this.#isIgnored(path)) {
        found.push({
          path,
          type: isFolder ? 'folder' : isLink ? 'link' : 'file',
          mode: about.mode & 0o777,
          size: about.isFile() ? about.size : 0,
          link: isLink ? await readlink(join(this.#root, path)) : '',
        });
        if (found.length > maxEntries)
          throw new UsageError(`COPY copies more than ${maxEntries} files. Exclude some in .dockerignore.`);
      }
      if (!isFolder) return;
      for (const name of (await readdir(join(this.#root, path))).sort())
        await look(path === '' ? name : `${path}/${name}`);
    };
    await look(top);
    return found;
  }

  async #digest(path: string): Promise<Buffer> {
    const hash = createHash('sha256');
    for await (const piece of createReadStream(join(this.#root, path))) hash.update(piece as Buffer);
    return hash.digest();
  }

  async *#archive(entries: readonly Entry[]): AsyncGenerator<Uint8Array> {
    for (const entry of entries) {
      yield* entryHeaders(entry);
      if (entry.type !== 'file') continue;
      let left = entry.size;
      for await (const piece of createReadStream(join(this.#root, entry.path), { highWaterMark: 1 << 18 })) {
        left -= (piece as Buffer).length;
        if (left < 0) break;
        yield piece as Buffer;
      }
      if (left !== 0) throw new UsageError(`${entry.path} changed while it was read. Try again.`);
      yield createTarPadding(entry.size);
    }
    yield tarEnd;
  }
}

/** The path of a source up to its first wildcard. Everything below this path is sent, and the build selects from it. */
function sureFolder(source: string): string {
  const parts: string[] = [];
  for (const part of source.split('/')) {
    if (/[*?[]/.test(part)) return parts.join('/');
    if (part === '..') throw new UsageError(`COPY ${source} leads outside the folder of the Dockerfile.`);
    if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** The last rule that matches a path, or a folder above it, applies. */
function parseIgnoreRules(text: string): (path: string) => boolean {
  const rules = text.split(/\r?\n/).flatMap((line) => {
    const pattern = line.trim();
    if (pattern === '' || pattern.startsWith('#')) return [];
    const isKept = pattern.startsWith('!');
    const bare = trimCharacters(isKept ? pattern.slice(1) : pattern, '/');
    return [{ isKept, form: new RegExp(`^${toRegexText(bare)}(/|$)`) }];
  });
  return (path) => rules.reduce((isIgnored, { isKept, form }) => (form.test(path) ? !isKept : isIgnored), false);
}

function toRegexText(pattern: string): string {
  return pattern.replace(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (sign) => {
    if (sign === '**/') return '(?:.*/)?';
    if (sign === '**') return '.*';
    if (sign === '*') return '[^/]*';
    return sign === '?' ? '[^/]' : `\\${sign}`;
  });
}

const entryHeaders = ({ path, type, mode, size, link }: Entry): Buffer[] =>
  createTarHeaders(type === 'folder' ? `${path}/` : path, size, mode, { type, target: link });
