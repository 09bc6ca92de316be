import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { LiveSession } from '../run/live-session.ts';

export class LiveSessions {
  readonly #lives = new Map<SessionId, LiveSession>();
  /** Expiry times, in epoch ms, of running sandboxes that sessions can adopt. */
  readonly #adoptable = new Map<SessionId, number>();
  /** New sessions whose sandboxes start at hydration. */
  readonly #starting = new Set<SessionId>();
  /** Last writes of sessions that left memory. A session's next hydration waits for them. */
  readonly #leaving = new Map<SessionId, Promise<void>>();

  #broken: (id: SessionId, error: AppError) => void = () => {};

  onBroken(listener: (id: SessionId, error: AppError) => void): void {
    this.#broken = listener;
  }

  /** Ignores sessions that were hydrated again after the failed write. */
  broken(live: LiveSession, error: AppError): void {
    if (this.#lives.get(live.id) === live) this.#broken(live.id, error);
  }

  get(id: SessionId): LiveSession | undefined {
    return this.#lives.get(id);
  }

  /** Throws: session_not_found. */
  the(id: SessionId): LiveSession {
    const live = this.#lives.get(id);
    if (!live) throw new AppError('session_not_found', 'There is no such session.');
    return live;
  }

  all(): LiveSession[] {
    return [...this.#lives.values()];
  }

  add(live: LiveSession): void {
    this.#lives.set(live.id, live);
  }

  remove(id: SessionId): void {
    this.#lives.delete(id);
  }

  clear(): void {
    this.#lives.clear();
  }

  /** The session's next hydration adopts its running sandbox. `expiresAt`: epoch ms. */
  offer(id: SessionId, expiresAt: number): void {
    this.#adoptable.set(id, expiresAt);
  }

  withdraw(id: SessionId): void {
    this.#adoptable.delete(id);
  }

  begin(id: SessionId): void {
    this.#starting.add(id);
  }

  takeSandbox(id: SessionId): { readonly expiresAt: number | undefined; readonly starts: boolean } {
    const expiresAt = this.#adoptable.get(id);
    this.#adoptable.delete(id);
    return { expiresAt, starts: this.#starting.delete(id) };
  }

  /** The session's next hydration waits for `gone`. */
  goes(id: SessionId, gone: Promise<void>): void {
    const left = Promise.all([this.#leaving.get(id), gone]).then(() => {
      if (this.#leaving.get(id) === left) this.#leaving.delete(id);
    });
    this.#leaving.set(id, left);
  }

  leaving(id: SessionId): Promise<void> | undefined {
    return this.#leaving.get(id);
  }

  async allGone(): Promise<void> {
    await Promise.all(this.#leaving.values());
  }
}
