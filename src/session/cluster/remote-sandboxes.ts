import type { Driver, SandboxLink } from '../../../drivers/driver.ts';
import { deadline, throwIfFired } from '../../core/cancel.ts';
import type { Clock } from '../../core/clock.ts';
import { type SessionId, sandboxIdOf } from '../../core/ids.ts';
import type { SandboxClient } from '../../sandbox/client.ts';
import type { UsedSandbox } from '../engine/used-sandbox.ts';

interface Options {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly connect: (link: SandboxLink) => SandboxClient;
  /** Has the owner start the sandbox where it does not run, and count it as used now. */
  readonly ask: (id: SessionId, signal: AbortSignal) => Promise<void>;
  /** How long the owner may take it for idle after that. */
  readonly freshMs: number;
}
interface Visit {
  readonly link: SandboxLink;
  readonly client: SandboxClient;
  users: number;
  askedAt: number;
  timer: unknown;
}
const attachMs = 30_000;
const keptMs = 30_000;

/** Ways of our own into sandboxes of sessions that another server works on: files, shell and screen cross no other server. */
export class Guests implements AsyncDisposable {
  readonly #options: Options;
  readonly #visits = new Map<SessionId, Promise<Visit>>();

  constructor(options: Options) {
    this.#options = options;
  }

  async use(id: SessionId, signal: AbortSignal): Promise<UsedSandbox> {
    const { clock, ask, freshMs } = this.#options;
    const known = await this.#known(id);
    if (!known || clock.now() - known.askedAt >= freshMs) await ask(id, signal);
    const visit = await this.look(id, signal);
    visit.askedAt = clock.now();
    const busy = () => {
      visit.askedAt = clock.now();
      timer = clock.setTimeout(busy, freshMs);
      ask(id, AbortSignal.timeout(attachMs)).catch(() => {}); // what is done in it fails by itself
    };
    let timer = clock.setTimeout(busy, freshMs);
    visit.users += 1;
    return {
      client: visit.client,
      [Symbol.asyncDispose]: async () => {
        clock.clearTimeout(timer);
        visit.users -= 1;
        this.#closeLater(id, visit);
      },
    };
  }

  /** A way into a sandbox that runs; looking does not keep it from being stopped. Rejects: sandbox_not_found. */
  async look(id: SessionId, signal: AbortSignal): Promise<Visit> {
    const known = await this.#known(id);
    if (known) return known;
    const visiting = this.#visits.get(id) ?? this.#open(id);
    this.#visits.set(id, visiting);
    visiting.catch(() => {
      if (this.#visits.get(id) === visiting) this.#visits.delete(id);
    });
    return await unlessFired(visiting, signal);
  }

  /** It is ours now, or gone. */
  async leave(id: SessionId): Promise<void> {
    const visit = await this.#visits.get(id)?.catch(() => undefined);
    this.#visits.delete(id);
    this.#options.clock.clearTimeout(visit?.timer);
    await visit?.link[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#visits.keys()].map((id) => this.leave(id)));
  }

  async #known(id: SessionId): Promise<Visit | undefined> {
    const visit = await this.#visits.get(id)?.catch(() => undefined);
    if (!visit?.link.lost.aborted) return visit;
    await this.leave(id);
    return undefined;
  }

  /** For all who wait for it, so whoever is first and leaves does not end it. */
  async #open(id: SessionId): Promise<Visit> {
    const { driver, clock, connect } = this.#options;
    using until = deadline(attachMs, clock);
    const call = { signal: until.signal, deadlineAt: clock.now() + attachMs };
    const link = await driver.attach(sandboxIdOf(id), call, 'guest');
    const visit: Visit = { link, client: connect(link), users: 0, askedAt: Number.NEGATIVE_INFINITY, timer: undefined };
    this.#closeLater(id, visit);
    return visit;
  }

  #closeLater(id: SessionId, visit: Visit): void {
    const { clock } = this.#options;
    clock.clearTimeout(visit.timer);
    visit.timer = clock.setTimeout(() => {
      if (visit.users === 0) void this.leave(id);
      else this.#closeLater(id, visit);
    }, keptMs);
  }
}

/** Rejects as soon as the signal fires; what was waited for goes on. */
async function unlessFired<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  throwIfFired(signal);
  const left = Promise.withResolvers<undefined>();
  const leave = () => left.resolve(undefined);
  signal.addEventListener('abort', leave, { once: true });
  try {
    const value = await Promise.race([work, left.promise]);
    if (value === undefined) throwIfFired(signal);
    return value as Value;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
