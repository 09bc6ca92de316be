import { isUtf8 } from 'node:buffer';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { AppError } from '../../../src/core/errors/errors.ts';
import { type FileMetadata, fileMetadataLimits } from '../../../src/core/model/sandboxes/file-metadata.ts';
import type { PathEntry } from '../../../src/sandboxes/client/abilities.ts';
import { daemonLimits } from '../daemon.ts';
import { type SystemPath, toSystemPath } from '../files/byte-names.ts';
import { toFileError } from '../files/confined-paths.ts';
import {
  decodeHelperWord,
  encodeHelperLine,
  encodeHelperWord,
  type PerlHelper,
  type SystemCallNumberByArchitecture,
  startPerlHelper,
} from '../processes/perl-helper.ts';
import type { DaemonState } from '../shared-state.ts';
import { metadataProgram } from './metadata-program.ts';

type HelperState = Pick<DaemonState, 'clock' | 'env' | 'keepers'>;
/** `found` with each path's metadata, `full` (too large), `done`, or `failed` with the errno. */
type Answer = readonly string[];
type Request =
  | readonly ['read', ...paths: SystemPath[]]
  | readonly ['write', path: SystemPath, ...keysAndValues: string[]]
  | readonly ['copy', from: string, to: string];
interface Helper {
  readonly process: PerlHelper;
  readonly waiting: PromiseWithResolvers<Answer>[];
  timer: unknown;
}

const idleMs = 30_000;
/** Kills an unresponsive helper this long after its last request, so a hung file system cannot block the others. */
const hungMs = 20_000;
const calls: readonly SystemCallNumberByArchitecture[] = [
  { x64: 194, arm64: 11 }, // listxattr
  { x64: 191, arm64: 8 }, // getxattr
  { x64: 188, arm64: 5 }, // setxattr
  { x64: 197, arm64: 14 }, // removexattr
];

/** Stores file metadata as extended attributes, so that snapshots, forks and archives include it. */
export class FileMetadataStore {
  readonly #parts: HelperState;
  #helper: Promise<Helper> | undefined;

  constructor(parts: HelperState) {
    this.#parts = parts;
  }

  /** Returns the entries unchanged if perl is missing. Rejects with payload_too_large or internal (the helper died). */
  async addTo(entries: readonly PathEntry[]): Promise<readonly PathEntry[]> {
    const known = entries.filter(({ type }) => type === 'file' || type === 'directory');
    if (known.length === 0) return entries;
    const answer = await this.#ask(['read', ...(await Promise.all(known.map(({ path }) => toSystemPath(path))))]).catch(
      unlessUnsupported,
    );
    if (answer === undefined) return entries;
    const [kind, ...answers] = answer;
    if (kind !== 'found')
      throw new AppError('payload_too_large', 'These files have too much metadata for one response.');
    const found = new Map(known.map((entry, index) => [entry, parseMetadata(answers[index])]));
    return entries.map((entry) => withMetadata(entry, found.get(entry) ?? {}));
  }

  /**
   * Replaces all metadata. `shown`: the name in errors. Rejects with unsupported, payload_too_large (no room), internal
   * (the helper ended), or other file errors.
   */
  async write(path: SystemPath, metadata: FileMetadata, shown: string): Promise<void> {
    const [kind, number] = await this.#ask([
      'write',
      typeof path === 'string' ? await toSystemPath(path) : path,
      ...Object.entries(metadata).flat(),
    ]);
    if (kind === 'failed') throw refusal(Number(number), shown);
  }

  async clear(path: string): Promise<void> {
    await this.write(path, {}, path).catch(unlessUnsupported);
  }

  async copy(from: string, to: string): Promise<void> {
    const [kind, number] = (await this.#ask(['copy', from, to]).catch(unlessUnsupported)) ?? [];
    if (kind === 'failed') throw refusal(Number(number), to);
  }

  async #ask([what, ...words]: Request): Promise<Answer> {
    this.#helper ??= this.#start();
    const helper = await this.#helper;
    const { clock } = this.#parts;
    const answered = Promise.withResolvers<Answer>();
    helper.waiting.push(answered);
    helper.process.stdin.write(encodeHelperLine(what, ...words.map(encodeHelperWord)));
    clock.clearTimeout(helper.timer);
    helper.timer = clock.setTimeout(() => helper.process.kill('SIGKILL'), hungMs);
    return await answered.promise;
  }

  #start(): Promise<Helper> {
    const { metadataBytes, metadataKeys } = daemonLimits;
    const waiting: Helper['waiting'] = [];
    const started = startPerlHelper(this.#parts, {
      program: metadataProgram,
      calls,
      numbers: [fileMetadataLimits.bytes, fileMetadataLimits.keys, metadataBytes, metadataKeys],
      missing: 'This sandbox cannot store metadata of files',
      onWords: (answer) => void mine.then((helper) => this.#hear(helper, answer)),
      ended: () =>
        void mine.then((helper) => {
          this.#parts.clock.clearTimeout(helper.timer);
          if (this.#helper === mine) this.#helper = undefined;
          const lost = new AppError('internal', 'The program that reads file metadata has ended. Try again.');
          for (const { reject } of waiting.splice(0)) reject(lost);
        }),
    });
    const mine = started.then((process): Helper => ({ process, waiting, timer: undefined }));
    mine.catch(() => {
      if (this.#helper === mine) this.#helper = undefined;
    });
    return mine;
  }

  #hear(helper: Helper, answer: Answer): void {
    helper.waiting.shift()?.resolve(answer);
    if (helper.waiting.length > 0) return;
    const { clock } = this.#parts;
    clock.clearTimeout(helper.timer);
    helper.timer = clock.setTimeout(() => {
      this.#helper = undefined;
      helper.process.stdin.end();
    }, idleMs);
  }
}

export const withMetadata = (entry: PathEntry, metadata: FileMetadata): PathEntry =>
  Object.keys(metadata).length > 0 ? { ...entry, metadata } : entry;

/** Omits entries whose key or value is not UTF-8. */
function parseMetadata(word = 'none'): FileMetadata {
  const text = word === 'none' ? [] : word.split(',').map(decodeHelperWord);
  const found: Record<string, string> = {};
  for (const [at, key] of text.entries()) {
    const value = text[at + 1];
    if (at % 2 === 0 && value && isUtf8(key) && isUtf8(value)) found[key.toString()] = value.toString();
  }
  return found;
}

function unlessUnsupported(thrown: unknown): undefined {
  if (!(thrown instanceof AppError) || thrown.code !== 'unsupported') throw thrown;
}

const { errno } = constants;
const noRoom: ReadonlySet<number> = new Set([errno.ENOSPC, errno.E2BIG, errno.ERANGE, errno.EDQUOT]);
function refusal(number: number, path: string): AppError {
  if (number === errno.ENOTSUP) {
    const message = `The file system of ${path} does not support metadata. Write the file without it, or to another folder.`;
    return new AppError('unsupported', message);
  }
  if (noRoom.has(number)) {
    return new AppError('payload_too_large', `The file system of ${path} has no space for this much metadata.`);
  }
  const code = getSystemErrorName(-number);
  return toFileError(Object.assign(new Error(code), { code }), path);
}
