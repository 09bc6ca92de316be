import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { AppError } from '../../../src/core/errors/errors.ts';
import { decodeFileName } from '../../../src/core/text/files/byte-names.ts';
import { compileGlob, compileGlobs } from '../../../src/core/text/glob.ts';
import { truncateEnd } from '../../../src/core/text/text.ts';
import { type Daemon, daemonLimits, type LineMatch, type SearchMatches } from '../daemon.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import type { ConfinedPaths } from './confined-paths.ts';

const pieces = /\\[pPxuUb]\{[^{}\\]*\}|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]?|\{\d+(?:,\d*)?\}|\{,\d+\}|\{/gs;
const inSet = /\[:\^?\w+:\]|\\.|\[|&&|~~/gs;

/** Escapes literal `[`, `&&` and `~~` in character classes, and `{` outside quantifiers. */
export const toRipgrepPattern = (regex: string): string =>
  regex.replace(pieces, (piece) => {
    if (piece === '{') return '\\{';
    return piece.startsWith('[') ? `[${piece.slice(1).replace(inSet, plain)}` : piece;
  });

const plain = (found: string): string => (/^(\[|&&|~~)$/.test(found) ? found.replace(/./g, '\\$&') : found);

const skipped = ['.git', 'node_modules', '.corral', '.agent_logs'];
const maxVisited = 200_000;
const maxLine = 2_000;
const maxLineBytes = 16_384; // room for the file's name, and for up to 4 bytes per character

export type SearchOperations = Pick<Daemon, 'find' | 'grep'>;

/** Paths in results are relative to the workspace. */
export function createSearchOperations(place: ConfinedPaths, env: NodeJS.ProcessEnv): SearchOperations {
  async function isText(file: string): Promise<boolean> {
    await using handle = await place.open(file);
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(64 * 1_024), position: 0 });
    return !buffer.subarray(0, bytesRead).includes(0);
  }
  return {
    async find(path, glob, types) {
      if (glob.includes('\0') || glob === '') throw createBadRequestError('The glob must be text.');
      await using folder = await place.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
      const start = await place.whereIs(folder);
      const fits = compileGlob(glob);
      const hasType = compileGlobs(types);
      const matches: string[] = [];
      let visited = 0;
      for await (const file of walk(Buffer.from(`/proc/self/fd/${folder.fd}`), '')) {
        if (visited++ > maxVisited) return { matches, truncated: true };
        const whole = start === '' ? file : `${start}/${file}`;
        if (!fits(file) || !hasType(whole)) continue;
        if (matches.length === daemonLimits.matches) return { matches, truncated: true };
        matches.push(whole);
      }
      return { matches, truncated: false };
    },

    async grep(path, regex, types) {
      await using at = await place.open(path);
      const stats = await at.stat();
      if (!stats.isFile() && !stats.isDirectory()) throw createBadRequestError(`${path} is not a regular file.`);
      const target = `./${await place.whereIs(at)}`;
      const how = { cwd: place.root, env, hasType: compileGlobs(types) };
      return await grepWith('rg', ripgrepArgs(toRipgrepPattern(regex), target), how).catch((thrown) => {
        if (!isMissing(thrown)) throw thrown;
        return grepWith('grep', grepArgs(regex, target), { ...how, isText });
      });
    },
  };
}

async function* walk(folder: Buffer, below: string): AsyncGenerator<string> {
  const found = await readdir(folder, { withFileTypes: true, encoding: 'buffer' }).catch(() => []);
  const entries = found.map((entry) => ({ entry, name: decodeFileName(entry.name) }));
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { entry, name } of entries) {
    const path = below === '' ? name : `${below}/${name}`;
    if (!entry.isDirectory()) yield path;
    else if (!skipped.includes(name)) yield* walk(Buffer.concat([folder, Buffer.from('/'), entry.name]), path);
  }
}

const ripgrepArgs = (regex: string, target: string) => [
  ...['--no-config', '--no-messages', '--no-heading', '--with-filename', '--line-number', '--null', '--color=never'],
  ...['--hidden', '--no-ignore', '--sort=path', '--max-filesize=50M'],
  ...skipped.map((name) => `--glob=!${name}`),
  ...['--regexp', regex, '--', target],
];
// Without `-a`, grep treats files that are not UTF-8 as binary.
const grepArgs = (regex: string, target: string) => [
  ...['-rnHaEZs', '--color=never', '--devices=skip'],
  ...skipped.map((name) => `--exclude-dir=${name}`),
  ...['-e', regex, '--', target],
];

interface SearchContext {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly hasType: (file: string) => boolean;
  /** Set if the program searches binary files too. */
  readonly isText?: (file: string) => Promise<boolean>;
}
/** grep and ripgrep both print `file NUL line:content`, and exit with 2 for an invalid expression. */
async function grepWith(program: string, args: string[], { cwd, env, hasType, isText }: SearchContext) {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise: ended, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  ended.catch(() => {});
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < 1_000) complaint += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const matches: LineMatch[] = [];
  let truncated = false;
  let last: { readonly file: string; readonly isText: boolean } | undefined;
  for await (const line of lines(child.stdout)) {
    const match = parseMatch(line);
    if (!match || !hasType(match.file)) continue;
    if (isText && last?.file !== match.file)
      last = { file: match.file, isText: await isText(match.file).catch(() => false) };
    if (last?.isText === false) continue;
    if (matches.length === daemonLimits.matches) {
      truncated = true;
      child.kill('SIGKILL');
      break;
    }
    matches.push(match);
  }
  const code = await ended;
  clearTimeout(timer);
  if (code === 2 && matches.length === 0 && complaint !== '')
    throw createBadRequestError(`The expression is not valid: ${complaint.trim()}`);
  return { matches, truncated: truncated || code === null } satisfies SearchMatches<LineMatch>;
}

/** Truncates lines, so that a 50 MB line does not fill memory. */
async function* lines(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun = Buffer.alloc(0);
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([begun, chunk.subarray(start, Math.min(end, start + maxLineBytes))]);
      begun = Buffer.alloc(0);
      start = end + 1;
    }
    begun = Buffer.concat([begun, chunk.subarray(start)]).subarray(0, maxLineBytes);
  }
  if (begun.length > 0) yield begun;
}

function parseMatch(bytes: Buffer): LineMatch | undefined {
  const nul = bytes.indexOf(0);
  const text = bytes.toString('utf8', nul + 1);
  const colon = text.indexOf(':');
  if (nul < 0 || colon < 0) return undefined;
  const file = decodeFileName(bytes.subarray(0, nul)).replace(/^\.\//, '');
  return { file, line: Number(text.slice(0, colon)), content: truncateEnd(text.slice(colon + 1), maxLine) };
}

const isMissing = (thrown: unknown) =>
  !(thrown instanceof AppError) && (thrown as NodeJS.ErrnoException).code === 'ENOENT';
