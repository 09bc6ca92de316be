import { AppError } from '../../../src/core/errors/errors.ts';
import { type FileMetadata, fileMetadataLimits } from '../../../src/core/model/sandboxes/file-metadata.ts';
import type { PathEntry } from '../../../src/sandboxes/client/abilities.ts';
import { limits } from '../daemon.ts';
import { fileError } from '../files/confined-paths.ts';
import { type PythonHelper, startPython } from '../processes/python-helper.ts';
import type { SharedState } from '../shared-state.ts';
import { metadataProgram } from './metadata-program.ts';

type HelperState = Pick<SharedState, 'clock' | 'env' | 'keepers'>;
interface Answer {
  /** Null: all together are more than an answer can have. */
  readonly found?: readonly FileMetadata[] | null;
  /** The system's code. */
  readonly error?: string;
}
interface Helper {
  readonly process: PythonHelper;
  readonly waiting: PromiseWithResolvers<Answer>[];
  timer: unknown;
}

/** The helper ends after this time without a request. */
const idleMs = 30_000;
/** A file system that does not answer must not keep the metadata of all others. */
const hungMs = 20_000;

/** Metadata of files: extended attributes, so that it goes with its file into snapshots, forks and archives. */
export class MetadataStore {
  readonly #parts: HelperState;
  #helper: Promise<Helper> | undefined;

  constructor(parts: HelperState) {
    this.#parts = parts;
  }

  /** The entries with their metadata. An image without python3 has none. Rejects: payload_too_large. */
  async addTo(entries: readonly PathEntry[]): Promise<readonly PathEntry[]> {
    const known = entries.filter(({ type }) => type === 'file' || type === 'directory');
    if (known.length === 0) return entries;
    const answer = await this.#ask({ do: 'read', paths: known.map(({ path }) => path) }).catch(unlessUnsupported);
    if (answer === undefined) return entries;
    if (!answer.found) throw new AppError('payload_too_large', 'These files have too much metadata for one answer.');
    const found = new Map(known.map((entry, index) => [entry, answer.found?.[index] ?? {}]));
    return entries.map((entry) => withMetadata(entry, found.get(entry) ?? {}));
  }

  /**
   * The file at the path then has exactly this metadata. `shown` names it in errors. Rejects: unsupported,
   * payload_too_large (no room for it in the file system).
   */
  async write(path: string, metadata: FileMetadata, shown: string): Promise<void> {
    const { error } = await this.#ask({ do: 'write', with: [path, metadata] });
    if (error !== undefined) throw refusal(error, shown);
  }

  async clear(path: string): Promise<void> {
    await this.write(path, {}, path).catch(unlessUnsupported);
  }

  /** Onto the copy of a file, or of a folder with all files below it. */
  async copy(from: string, to: string): Promise<void> {
    const answer = await this.#ask({ do: 'copy', with: [from, to] }).catch(unlessUnsupported);
    if (answer?.error !== undefined) throw refusal(answer.error, to);
  }

  async #ask(request: object): Promise<Answer> {
    this.#helper ??= this.#start();
    const helper = await this.#helper;
    const { clock } = this.#parts;
    const answered = Promise.withResolvers<Answer>();
    helper.waiting.push(answered);
    helper.process.stdin.write(`${JSON.stringify(request)}\n`);
    clock.clearTimeout(helper.timer);
    helper.timer = clock.setTimeout(() => helper.process.kill('SIGKILL'), hungMs);
    return await answered.promise;
  }

  #start(): Promise<Helper> {
    const { metadataBytes, metadataKeys } = limits;
    const most = [fileMetadataLimits.bytes, fileMetadataLimits.keys, metadataBytes, metadataKeys];
    const waiting: Helper['waiting'] = [];
    const started = startPython(this.#parts, {
      options: ['-X', 'utf8'],
      program: metadataProgram,
      args: most.map(String),
      missing: 'This sandbox keeps no metadata of files',
      heard: (answer) => void mine.then((helper) => this.#hear(helper, answer as Answer)),
      ended: () =>
        void mine.then((helper) => {
          this.#parts.clock.clearTimeout(helper.timer);
          if (this.#helper === mine) this.#helper = undefined;
          const lost = new AppError('internal', 'The program that reads the metadata of files ended. Try again.');
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

function unlessUnsupported(thrown: unknown): undefined {
  if (!(thrown instanceof AppError) || thrown.code !== 'unsupported') throw thrown;
}

const noRoom: ReadonlySet<string> = new Set(['ENOSPC', 'E2BIG', 'ERANGE', 'EDQUOT']);
function refusal(code: string, path: string): AppError {
  if (code === 'ENOTSUP') {
    const message = `The file system of ${path} keeps no metadata. Write the file without it, or to another folder.`;
    return new AppError('unsupported', message);
  }
  if (noRoom.has(code)) {
    return new AppError('payload_too_large', `The file system of ${path} has no room for this much metadata.`);
  }
  return fileError(Object.assign(new Error(code), { code }), path);
}
