import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { ProcessEntry } from '../../../src/sandboxes/client/client.ts';

export interface Process {
  readonly pid: number;
  readonly tag: string | undefined;
  /** Fires when the process is killed. The reason is its exit code. */
  readonly killed: AbortSignal;
  /** Called when the process ends by itself. */
  done(): void;
}

/** The processes of a sandbox that exists only in this process: names, and signals that end them. */
export class Processes {
  readonly #clock: Clock;
  readonly #running = new Map<number, { entry: ProcessEntry; stop: AbortController }>();
  #last = 100;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(cmd: string, tag: string | undefined): Process {
    const pid = ++this.#last;
    const stop = new AbortController();
    const started = new Date(this.#clock.now()).toISOString();
    this.#running.set(pid, { entry: { pid, cmd, started, ...(tag === undefined ? {} : { tag }) }, stop });
    return { pid, tag, killed: stop.signal, done: () => void this.#running.delete(pid) };
  }
  list(): ProcessEntry[] {
    return [...this.#running.values()].map(({ entry }) => entry);
  }
  end(pid: number, exitCode: number): boolean {
    const process = this.#running.get(pid);
    this.#running.delete(pid);
    process?.stop.abort(exitCode);
    return process !== undefined;
  }
  killTagged(tag: string): number {
    const tagged = this.list().filter((entry) => entry.tag === tag);
    for (const { pid } of tagged) this.end(pid, 143);
    return tagged.length;
  }
  endAll(): void {
    for (const { pid } of this.list()) this.end(pid, 137);
  }
}
