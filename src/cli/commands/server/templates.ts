import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildLogEntry, CopySource } from '../../../client/index.ts';
import { createTarHeaders, createTarPadding, tarEnd } from '../../../core/text/tar.ts';
import { trimCharacters } from '../../../core/text/text.ts';
import { exitCodes, UsageError } from '../../command.ts';
import { type CustomVerbs, parseKeyValuePairs, type VerbCall } from '../../derived.ts';
import { toOneLine } from '../../io.ts';

const maxLine = 2_000;

export const customTemplateVerbs: CustomVerbs = {
  options: [
    ['--tag <name>', 'with build: the name of the template, optionally with a tag (my-tools:v1)'],
    ['--also <tag...>', 'with build: further tags'],
    ['--file <file>', 'with build: the Dockerfile, if it has another name or location'],
    ['--arg <name=value...>', 'with build: values of its ARGs'],
    ['--fresh', 'with build: run every step again'],
    ['--from <tag>', 'with tag: the tag whose build gets the new one; default: default'],
  ],
  verbs: {
    async build({ words: [folder = '.'], server, options, io }) {
      const name = options.text('tag');
      if (name === undefined) throw new UsageError('Specify the template: corral template build --tag my-tools');
      const file = options.text('file') ?? join(folder, 'Dockerfile');
      const dockerfile = await readFile(file, 'utf8').catch(() => {
        throw new UsageError(`There is no ${file}. Specify the folder of the Dockerfile, or the file with --file.`);
      });
      const context = await DockerBuildContext.open(folder);
      const ended = await server.templates.build(name, {
        dockerfile,
        args: parseKeyValuePairs('--arg', options.texts('arg')),
        tags: options.texts('also'),
        fresh: options.flag('fresh'),
        files: (source) => context.files(source),
        onLog: (entry) => io.say(formatEntry(entry)),
        signal: io.signal,
      });
      if (options.flag('json')) io.print(JSON.stringify(ended));
      else if (ended.status === 'ready') io.print(`${ended.templateId}  ${name}  ${ended.id}`);
      return ended.status === 'ready' ? exitCodes.ok.code : exitCodes.failed.code;
    },
    async log(call) {
      const { server, options, io } = call;
      const onLog = (entry: BuildLogEntry) =>
        io.print(options.flag('json') ? JSON.stringify(entry) : formatEntry(entry));
      const ended = await server.templates.follow(await findBuild(call), { signal: io.signal, onLog });
      return ended.status === 'ready' ? exitCodes.ok.code : exitCodes.failed.code;
    },
    async cancel(call) {
      const of = await findBuild(call);
      call.show([await call.server.call((api) => api.templateBuilds.cancel.mutate(of))], 'builds');
    },
    async tag({ words: [word, tag], server, options, find, show }) {
      const id = await find(word);
      if (tag === undefined) throw new UsageError(`Specify the tag: corral template tag ${word} <tag>`);
      const name = (await server.templates.list()).find((one) => one.id === id)?.name ?? word;
      const requested = { from: `${name}:${options.text('from') ?? 'default'}`, tags: [tag] };
      show([await server.call((api) => api.templateBuilds.tag.mutate(requested))], 'ls');
      return undefined;
    },
  },
};

async function findBuild({ words: [word, named], server, find }: VerbCall): Promise<{ id: string; build: string }> {
  const id = await find(word);
  const builds = await server.templates.builds(id);
  const found = named === undefined ? builds[0] : builds.find((one) => one.id === named);
  if (found) return { id, build: found.id };
  const what = named === undefined ? 'builds' : `build ${named}`;
  throw new UsageError(`${word} has no ${what}. See: corral template builds ${word}`);
}

const formatEntry = ({ level, text }: BuildLogEntry): string =>
  `${level === 'info' ? '' : `${level}: `}${toOneLine(text, maxLine)}`;

interface Entry {
  /** Relative to the build context's root. */
  readonly path: string;
  readonly type: 'file' | 'folder' | 'link';
  readonly mode: number;
  readonly size: number;
  readonly link: string;
}
const maxEntries = 100_000;

/** The files that a Dockerfile's COPY instructions need, without those in .dockerignore. */
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

  async files(source: string): Promise<CopySource> {
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

/** Everything below the returned path is uploaded; the build then applies the wildcards. */
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
