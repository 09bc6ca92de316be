import { AppError } from '../../core/errors.ts';
import type { SessionId } from '../../core/ids.ts';
import type { Live } from '../run/live-session.ts';

/** The sessions in memory, and what the next making of one has to know. */
export class LiveSessions {
  readonly #lives = new Map<SessionId, Live>();
  /** Sessions whose sandbox runs already, found by its labels, and until when it may. */
  readonly #adoptable = new Map<SessionId, number>();
  /** Sessions just made: their sandbox starts with them. */
  readonly #starting = new Set<SessionId>();
  /** Left memory a moment ago: what is written of that comes before what is written when they are back. */
  readonly #leaving = new Map<SessionId, Promise<void>>();

  get(id: SessionId): Live | undefined {
    return this.#lives.get(id);
  }

  /** Throws: session_not_found. */
  the(id: SessionId): Live {
    const live = this.#lives.get(id);
    if (!live) throw new AppError('session_not_found', 'There is no such session.');
    return live;
  }

  all(): Live[] {
    return [...this.#lives.values()];
  }

  add(live: Live): void {
    this.#lives.set(live.id, live);
  }

  remove(id: SessionId): void {
    this.#lives.delete(id);
  }

  clear(): void {
    this.#lives.clear();
  }

  /** Whenever the session is made, it goes on with the sandbox that it has. */
  offer(id: SessionId, expiresAt: number): void {
    this.#adoptable.set(id, expiresAt);
  }

  withdraw(id: SessionId): void {
    this.#adoptable.delete(id);
  }

  /** When the session is made, its sandbox starts. */
  begin(id: SessionId): void {
    this.#starting.add(id);
  }

  /** Takes what was kept for the next hydration of this session; a later one gets nothing. */
  takeSandbox(id: SessionId): { readonly expiresAt: number | undefined; readonly starts: boolean } {
    const expiresAt = this.#adoptable.get(id);
    this.#adoptable.delete(id);
    return { expiresAt, starts: this.#starting.delete(id) };
  }

  /** The session is not hydrated again before `gone` settles. */
  goes(id: SessionId, gone: Promise<void>): void {
    const left = Promise.all([this.#leaving.get(id), gone]).then(() => {
      if (this.#leaving.get(id) === left) this.#leaving.delete(id);
    });
    this.#leaving.set(id, left);
  }

  /** Undefined: it is not leaving. */
  leaving(id: SessionId): Promise<void> | undefined {
    return this.#leaving.get(id);
  }

  async allGone(): Promise<void> {
    await Promise.all(this.#leaving.values());
  }
}
