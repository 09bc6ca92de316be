import type { SessionId } from '../../core/model/ids.ts';
import { type PutDocument, recordId } from './documents.ts';

/** A put that the log has committed; its append ended at `seq`. */
export interface LatePut {
  readonly session: SessionId;
  readonly seq: number;
  readonly put: PutDocument;
}
const delayMs = 15;
const againMs = 1_000;
const mostOf = 8; // records per session
const mostChars = 256 * 1024;

/**
 * Puts for which no append waits. If the server dies before they are written, nothing is lost: each append of the
 * session contains them, so the newest event always has them. Only a session's own, existing record is put late, because
 * readers would not look for a missing record.
 */
export class LatePuts {
  readonly #write: (puts: readonly LatePut[]) => Promise<void>;
  readonly #due = new Map<SessionId, Map<string, LatePut>>();
  /** The records of sessions that this server has put. */
  readonly #there = new Map<SessionId, Set<string>>();
  readonly #mostKnown: number;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(write: (puts: readonly LatePut[]) => Promise<void>, mostKnown: number) {
    this.#write = write;
    this.#mostKnown = mostKnown;
  }

  /**
   * The puts that the session's next append has to contain; an oversized one is written first. Rejects as a write does.
   */
  async carried(session: SessionId): Promise<PutDocument[]> {
    const due = () => [...(this.#due.get(session)?.values() ?? [])].map(({ put }) => put);
    const puts = due();
    if (puts.length <= mostOf && puts.reduce((sum, { doc }) => sum + doc.length, 0) <= mostChars) return puts;
    await this.flush();
    return due();
  }

  mayWait(session: SessionId, { id, kind }: PutDocument): boolean {
    return id === session && (this.#there.get(session)?.has(kind) ?? false);
  }

  add(puts: readonly LatePut[]): void {
    for (const it of puts) {
      const due = this.#due.get(it.session) ?? new Map<string, LatePut>();
      due.set(recordId(it.put.kind, it.put.id), it);
      this.#due.set(it.session, due);
    }
    if (puts.length > 0) this.#timer ??= setTimeout(() => this.#try(), delayMs);
  }

  /** Marks these puts as written, so that the next ones of their records can be late. */
  know(session: SessionId, puts: readonly PutDocument[]): void {
    const own = puts.filter(({ id }) => id === session);
    if (own.length === 0) return;
    const there = this.#there.get(session) ?? new Set<string>();
    for (const { kind } of own) there.add(kind);
    this.#there.delete(session);
    this.#there.set(session, there);
    if (this.#there.size <= this.#mostKnown) return;
    const [oldest] = this.#there.keys();
    if (oldest) this.#there.delete(oldest);
  }

  /** Another server may have changed or removed these records. */
  forget(id: string, kind?: string): void {
    if (kind === undefined) this.#there.delete(id as SessionId);
    else this.#there.get(id as SessionId)?.delete(kind);
  }

  /** Resolves when every due put is written. Callers that read or change records wait for it. */
  flush(): Promise<void> | undefined {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#due.size === 0) return undefined;
    this.#writing = this.#writing.catch(() => {}).then(() => this.#writeDue());
    return this.#writing;
  }

  /** Drops all late puts of the session. */
  drop(session: SessionId): void {
    this.#due.delete(session);
    this.#there.delete(session);
  }

  async #writeDue(): Promise<void> {
    const puts = [...this.#due.values()].flatMap((due) => [...due.values()]);
    if (puts.length === 0) return;
    try {
      await this.#write(puts);
    } catch (thrown) {
      this.#timer ??= setTimeout(() => this.#try(), againMs);
      throw thrown;
    }
    for (const it of puts) {
      const due = this.#due.get(it.session);
      const key = recordId(it.put.kind, it.put.id);
      if (due?.get(key) === it) due.delete(key);
      if (due?.size === 0) this.#due.delete(it.session);
    }
  }

  #try(): void {
    this.flush()?.catch(() => {}); // the next flush tries again
  }
}
