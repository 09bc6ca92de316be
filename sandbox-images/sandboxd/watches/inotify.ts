import { getSystemErrorName } from 'node:util';
import { AppError } from '../../../src/core/errors/errors.ts';
import { decodeFileName } from '../../../src/core/text/files/byte-names.ts';
import { toSystemPath } from '../files/byte-names.ts';
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
import { inotifyProgram } from './inotify-program.ts';

/** `lost`: changes were dropped, or new folders exceed the limit and are not watched. */
export interface RawFileChange {
  readonly type: 'create' | 'write' | 'remove' | 'rename' | 'chmod' | 'lost';
  readonly name: string;
}
interface InotifyWatch {
  readonly opened: PromiseWithResolvers<void>;
  readonly onChange: (change: RawFileChange) => void;
  readonly gone: () => void;
  readonly syncs: PromiseWithResolvers<void>[];
}
/** Combined limit for all of a sandbox's watches. Each folder costs about 1 KB of kernel memory. */
const maxFolders = 16_384;
const calls: readonly SystemCallNumberByArchitecture[] = [
  { x64: 294, arm64: 26 }, // inotify_init1
  { x64: 254, arm64: 27 }, // inotify_add_watch
  { x64: 255, arm64: 28 }, // inotify_rm_watch
];

export class Inotify {
  readonly #parts: Pick<DaemonState, 'env' | 'keepers'>;
  readonly #watches = new Map<string, InotifyWatch>();
  #helper: Promise<PerlHelper> | undefined;

  constructor(parts: Pick<DaemonState, 'env' | 'keepers'>) {
    this.#parts = parts;
  }

  /** Rejects with file_not_found, invalid_request (not a folder, or not readable), conflict (too many folders) or unsupported. */
  async open(
    id: string,
    { path, recursive }: { readonly path: string; readonly recursive: boolean },
    { onChange: listener, gone }: Pick<InotifyWatch, 'onChange' | 'gone'>,
  ): Promise<void> {
    const opened = Promise.withResolvers<void>();
    opened.promise.catch(() => {});
    this.#watches.set(id, { opened, onChange: listener, gone, syncs: [] });
    try {
      this.#helper ??= this.#start();
      const helper = await this.#helper;
      helper.stdin.write(
        encodeHelperLine('open', id, encodeHelperWord(await toSystemPath(path)), recursive ? 'recursive' : 'flat'),
      );
      await opened.promise;
    } catch (thrown) {
      this.#watches.delete(id);
      throw thrown instanceof AppError ? thrown : refusal(thrown as NodeJS.ErrnoException, path);
    }
  }

  /** Resolves when the watch has received every earlier change, or has ended. */
  async sync(id: string): Promise<void> {
    const watch = this.#watches.get(id);
    if (!watch) return;
    const sync = Promise.withResolvers<void>();
    watch.syncs.push(sync);
    const helper = await this.#helper?.catch(() => undefined);
    helper?.stdin.write(encodeHelperLine('sync', id));
    await sync.promise;
  }

  async close(id: string): Promise<void> {
    const watch = this.#watches.get(id);
    if (!watch) return;
    this.#watches.delete(id);
    for (const sync of watch.syncs) sync.resolve();
    const helper = await this.#helper?.catch(() => undefined);
    if (this.#watches.size === 0) helper?.stdin.end();
    else helper?.stdin.write(encodeHelperLine('close', id));
    if (this.#watches.size === 0) this.#helper = undefined;
  }

  #start(): Promise<PerlHelper> {
    const helper = startPerlHelper(this.#parts, {
      program: inotifyProgram,
      calls,
      numbers: [maxFolders],
      missing: 'This sandbox cannot watch files',
      onWords: (words) => this.#hear(words),
      ended: () => {
        if (this.#helper === helper) this.#dropAll();
      },
    });
    helper.catch(() => {
      if (this.#helper === helper) this.#helper = undefined;
    });
    return helper;
  }

  /** Parses `id opened`, `id synced`, `id failed NUMBER`, or `id TYPE NAME`. */
  #hear([id = '', what, detail = '']: readonly string[]): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    if (what === 'opened') watch.opened.resolve();
    else if (what === 'synced') watch.syncs.shift()?.resolve();
    else if (what === 'failed') watch.opened.reject(systemError(Number(detail)));
    else watch.onChange({ type: what as RawFileChange['type'], name: decodeFileName(decodeHelperWord(detail)) });
  }

  #dropAll(): void {
    this.#helper = undefined;
    const all = [...this.#watches.values()];
    this.#watches.clear();
    for (const { opened, gone, syncs } of all) {
      for (const sync of syncs) sync.resolve();
      opened.reject(new AppError('unsupported', 'The system of this sandbox cannot watch files.'));
      gone();
    }
  }
}

function systemError(number: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-number);
  return Object.assign(new Error(code), { code });
}

function refusal(cause: NodeJS.ErrnoException, path: string): AppError {
  if (cause.code === 'ENOSPC') return new AppError('conflict', 'The sandbox has reached its limit of watched folders.');
  return toFileError(cause, path);
}
