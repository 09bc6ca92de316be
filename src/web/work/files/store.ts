import { effect, type Signal, signal } from '@preact/signals';
import { onSessionEvent } from '../../data/log.ts';
import { CallError, fetchWithToken, mutate, query, toErrorText } from '../../data/server.ts';
import { t } from '../../text/text.ts';
import { type EntriesByFolder, type FolderEntry, parentPathOf, rootPath, toChildPath } from './tree.ts';

const readBytes = 1024 * 1024;
const settleMs = 600;
const maxOpened = 12; // files; beyond this number, the longest-open file without unsaved changes is closed

/** A save replaces only this version, unless the user chooses to overwrite another one. */
export interface LoadedFile {
  readonly path: string;
  readonly version: string;
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isCut: boolean;
}

export const fileFilters = ['all', 'changed', 'steps'] as const;
export type FileFilter = (typeof fileFilters)[number];
export const fileFilter = signal<FileFilter>('all');

/** Incremented when a session's files change without an event. */
export const unloggedFileChanges = signal(0);

export class FileStore {
  readonly sessionId: string;
  readonly folders: Signal<EntriesByFolder> = signal(new Map());
  readonly open: Signal<ReadonlySet<string>> = signal(new Set());
  /** `asleep`: a listing would start the sandbox. */
  readonly state: Signal<'loading' | 'asleep' | 'ready' | { readonly failed: string }> = signal('loading');
  readonly shown: Signal<string | undefined> = signal(undefined);
  readonly opened: Signal<readonly string[]> = signal([]);
  readonly step: Signal<number | undefined> = signal(undefined);
  /** File with an open comment. Its text is not updated until the comment is closed. */
  readonly commentedOn: Signal<string | undefined> = signal(undefined);
  readonly drafts = new Map<string, string>();
  /** Comments closed without Send or Cancel, by `path:line`. */
  readonly commentDrafts = new Map<string, string>();

  constructor(sessionId: string) {
    this.sessionId = sessionId;
    effect(() => {
      const { value: path } = this.shown;
      const paths = this.opened.peek();
      if (path === undefined || paths.includes(path)) return;
      const oldest = paths.length < maxOpened ? undefined : paths.find((one) => !this.drafts.has(one));
      this.opened.value = [...paths.filter((one) => one !== oldest), path];
    });
  }

  showStep(seq: number, path: string): void {
    this.step.value = seq;
    this.shown.value = path;
  }

  /** Keeps the draft. Closing the active file shows its neighbor. */
  close(path: string): void {
    const { value: paths } = this.opened;
    const at = paths.indexOf(path);
    this.opened.value = paths.filter((one) => one !== path);
    if (this.shown.value === path) this.shown.value = this.opened.value[Math.max(0, at - 1)];
  }

  /** Lists the files only if the sandbox is running. */
  async look(): Promise<void> {
    try {
      const { state, condition } = await query('sandbox.status', { sessionId: this.sessionId });
      if (state === 'running' && condition !== 'paused') await this.refresh({ starts: false });
      else this.#sleep();
    } catch (thrown) {
      if (this.state.value !== 'ready') this.state.value = { failed: toErrorText(thrown) };
    }
  }

  /** `starts: false`: does not restart a stopped sandbox. */
  async refresh({ starts = true } = {}): Promise<void> {
    if (this.state.value !== 'ready') this.state.value = 'loading';
    try {
      await this.#list(rootPath, starts);
      const { value: shown } = this.shown;
      const more = new Set(shown === undefined ? this.open.value : [...this.open.value, parentPathOf(shown)]);
      more.delete(rootPath);
      await Promise.all([...more].map((path) => this.#list(path, starts).catch(() => this.#forget(path))));
      this.state.value = 'ready';
    } catch (thrown) {
      if (!starts && wasStopped(thrown)) this.#sleep();
      else this.state.value = { failed: toErrorText(thrown) };
    }
  }

  #sleep(): void {
    if (this.state.value !== 'ready') this.state.value = 'asleep';
  }

  stampOf(path: string): string | undefined {
    const entries = this.folders.value.get(parentPathOf(path));
    const entry = entries?.find(({ name }) => toChildPath(parentPathOf(path), name) === path);
    return entry && `${entry.size} ${entry.modified}`;
  }

  async toggle(path: string): Promise<void> {
    const open = new Set(this.open.value);
    if (open.delete(path)) {
      this.open.value = open;
      return;
    }
    if (!this.folders.value.has(path)) await this.#list(path);
    this.open.value = new Set([...this.open.value, path]);
  }

  get folder(): string {
    return this.shown.value === undefined ? rootPath : parentPathOf(this.shown.value);
  }

  /** Never starts a sandbox. */
  follow(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => void this.look(), settleMs);
    };
    const stop = effect(() => {
      void unloggedFileChanges.value;
      soon();
    });
    const end = onSessionEvent(({ type }) => {
      if (type === 'tool.called' || type === 'run.end' || type === 'sandbox.phase') soon();
    });
    return () => {
      clearTimeout(timer);
      stop();
      end();
    };
  }

  async read(path: string, whole = false): Promise<LoadedFile> {
    const range = whole ? {} : { headers: { range: `bytes=0-${readBytes - 1}` } };
    const answer = await fetchWithToken(toFileUrl(this.sessionId, path), range);
    if (!answer.ok) throw new Error(await readFileErrorDetail(answer));
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const size = wholeSizeOf(answer) ?? bytes.length;
    const version = answer.headers.get('etag') ?? '';
    return { path, version, size, bytes, isCut: bytes.length < size };
  }

  /** Resolves with `changed` if another version has been stored. */
  async save(path: string, text: string, version: string | undefined): Promise<{ version: string } | 'changed'> {
    const headers: Record<string, string> = { 'content-type': 'application/octet-stream' };
    if (version !== undefined) headers['if-match'] = version;
    const answer = await fetchWithToken(toFileUrl(this.sessionId, path), { method: 'PUT', headers, body: text });
    if (answer.status === 412) return 'changed';
    if (!answer.ok) throw new Error(await readFileErrorDetail(answer));
    return { version: answer.headers.get('etag') ?? '' };
  }

  async remove(path: string): Promise<void> {
    await mutate('files.delete', { sessionId: this.sessionId, path });
    this.drafts.delete(path);
    this.close(path);
    await this.refresh();
  }

  async #list(path: string, starts = true): Promise<void> {
    const { items } = await query('files.list', { sessionId: this.sessionId, path, starts });
    this.folders.value = new Map<string, readonly FolderEntry[]>([...this.folders.value, [path, items]]);
  }

  #forget(path: string): void {
    this.folders.value = new Map([...this.folders.value].filter(([known]) => known !== path));
    this.open.value = new Set([...this.open.value].filter((known) => known !== path));
  }
}

export const toFileUrl = (sessionId: string, path: string): string =>
  `/streams/sessions/${sessionId}/file?path=${encodeURIComponent(path)}`;

function wholeSizeOf({ headers }: Response): number | undefined {
  const size = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
  return size === undefined ? undefined : Number(size);
}

/**
 * A range beyond the end yields no bytes instead of an error, because a log may still grow. Browsers log a refused range
 * as an error, so the request begins one byte before the end, and an empty file is not read.
 */
export async function readFileRange(address: string, from: number, length: number) {
  if (from === 0) {
    const { ok, headers } = await fetchWithToken(address, { method: 'HEAD' });
    if (ok && headers.get('content-length') === '0') return { bytes: new Uint8Array(), size: 0 };
  }
  const first = Math.max(0, from - 1);
  const answer = await fetchWithToken(address, { headers: { range: `bytes=${first}-${from + length - 1}` } });
  const size = wholeSizeOf(answer) ?? 0;
  if (answer.status === 416) return { bytes: new Uint8Array(), size };
  if (!answer.ok) throw new Error(await readFileErrorDetail(answer));
  return { bytes: new Uint8Array(await answer.arrayBuffer()).subarray(from - first), size };
}

export const readFileErrorDetail = async (answer: Response): Promise<string> =>
  answer.status === 404 ? t('files.gone') : await readErrorDetail(answer);

export async function readErrorDetail(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => undefined)) as { detail?: unknown } | undefined;
  return typeof body?.detail === 'string' ? body.detail : `${answer.status} ${answer.statusText}`;
}

const wasStopped = (thrown: unknown): boolean => thrown instanceof CallError && thrown.code === 'SERVICE_UNAVAILABLE';

const stores = new Map<string, FileStore>();
/** Each session keeps its store, so that switching tabs does not lose open folders or drafts. */
export function openFileStore(sessionId: string): FileStore {
  const known = stores.get(sessionId) ?? new FileStore(sessionId);
  stores.set(sessionId, known);
  return known;
}
