import { combineSignals, throwIfAborted } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { createDaemonTrust } from '../../../src/sandboxes/client/answers/daemon-trust.ts';
import type { OperationSpec, SandboxClient } from '../../../src/sandboxes/client/client.ts';
import type { ManualClock } from '../machines/manual-clock.ts';
import { incapable } from '../sandboxes/incapable.ts';
import { noDesktop } from '../sandboxes/no-desktop.ts';
import { endCommand, operationOf, type RunningCommand } from '../sandboxes/operations.ts';

interface SimulatedCommand extends RunningCommand {
  readonly output: string;
}
type SandboxFault = 'sandbox_lost' | 'sandbox_unresponsive';

/**
 * A computer that outlives the servers that use it. Commands are `run <ms> <exit code>`, `background <ms>` and
 * `forever`. Its death clears its journal of operations, but not the count of executions.
 */
export class SimulatedSandbox {
  readonly #time: ManualClock;
  /** How often each operation was executed, across all deaths. */
  readonly executed = new Map<string, number>();
  isPaused: () => boolean = () => false;
  #journal = new Map<string, SimulatedCommand>();
  #background: { tag: string | undefined; endsAt: number }[] = [];
  #files = new Map<string, Buffer>();
  #mishaps: SandboxFault[] = [];
  #hangs = false;

  readonly #hit: (fault: string) => void;

  constructor(time: ManualClock, hit: (fault: string) => void) {
    this.#time = time;
    this.#hit = hit;
  }

  /** The next call fails before it arrives. */
  next(mishap: SandboxFault): void {
    this.#mishaps.push(mishap);
  }
  /** Answers nothing from now on, until the sandbox dies and is created again. */
  hang(): void {
    this.#hangs = true;
    this.#hit('sandbox: hangs');
  }
  forgetMishaps(): void {
    this.#mishaps = [];
  }
  /** Kills a command from outside; false if none was running. */
  killOne(): boolean {
    const running = [...this.#journal.values()].find(({ end }) => !end);
    if (running) endCommand(running, { exitCode: 137, reason: 'killed' });
    return running !== undefined;
  }
  die(): void {
    for (const running of this.#journal.values()) endCommand(running, { reason: 'lost' });
    this.#journal = new Map();
    this.#background = [];
    this.#hangs = false;
  }
  get isBusy(): boolean {
    return [...this.#journal.values()].some(({ end }) => !end);
  }
  /** The tags of the processes that still run. */
  tags(): string[] {
    const background = this.#background.filter(({ endsAt }) => endsAt > this.#time.now());
    const running = [...this.#journal.values()].filter(({ end }) => !end).map(({ request }) => request);
    return [...background, ...running].flatMap(({ tag }) => (tag === undefined ? [] : [tag]));
  }

  client(lost: AbortSignal): SandboxClient {
    const call = <Value>(signal: AbortSignal, act: () => Value | Promise<Value>) => this.#call(lost, signal, act);
    const cannot = async (): Promise<never> => {
      throw new AppError('unsupported', 'The simulated sandbox cannot do this.');
    };
    const none = <Name extends string>(...names: readonly Name[]) =>
      Object.fromEntries(names.map((name) => [name, cannot])) as Record<Name, typeof cannot>;
    const health = { version: '0', bootId: 'boot', idleMs: 0, oomKills: 0 };
    return {
      workdir: '/workspace',
      trust: createDaemonTrust(),
      health: (signal) => call(signal, () => health),
      start: (request, signal) => call(signal, () => operationOf(this.#start(request))),
      operation: (id, signal) =>
        call(signal, () => {
          const running = this.#journal.get(id);
          return running && operationOf(running);
        }),
      follow: (id, fromByte, onBytes, signal) =>
        call(signal, async () => {
          const running = this.#journal.get(id);
          if (!running) throw new AppError('not_found', 'There is no such operation.');
          onBytes(Buffer.from(running.output).subarray(fromByte));
          await running.over.promise;
          return operationOf(running);
        }),
      kill: (shell, signal) => call(signal, () => void this.#end((it) => it.shell === shell)),
      killTagged: (tag, signal) =>
        call(signal, async () => {
          await this.#time.sleep(this.#journal.size % 2 === 0 ? 10 : 2_000); // some processes end only on KILL
          this.#background = this.#background.filter((it) => it.tag !== tag);
          return { killed: this.#end((it) => it.tag === tag) }; // without shells, as a daemon before 1.4
        }),
      view: (shell, signal) =>
        call(signal, () => ({
          id: shell,
          console: [...this.#journal.values()].map(({ request, output }) => ({
            ps1: '$ ',
            command: request.command,
            output,
          })),
        })),
      exec: (request, signal) =>
        call(signal, async () => {
          await this.#time.sleep(Number(request.command.split(' ')[1]) || 0);
          return { exitCode: 0, stdout: 'ok', stderr: '', timedOut: false };
        }),
      readFile: (path, signal) =>
        call(signal, () => {
          const bytes = this.#files.get(path);
          if (!bytes) throw new AppError('file_not_found', `There is no file ${path}.`);
          return bytes;
        }),
      writeFile: (path, content, signal) =>
        call(signal, () => void this.#files.set(path, Buffer.from(content as string))),
      ...none('usage', 'write', 'openFile', 'listFiles', 'removeFile', 'find', 'grep', 'processes', 'signalProcess'),
      ...incapable(cannot),
      desktop: noDesktop(),
    };
  }

  #start(request: OperationSpec): SimulatedCommand {
    const known = this.#journal.get(request.id);
    if (known) return known;
    const busy = [...this.#journal.values()].some(({ request: it, end }) => it.shell === request.shell && !end);
    if (busy) throw new AppError('conflict', 'The shell session runs something.');
    this.executed.set(request.id, (this.executed.get(request.id) ?? 0) + 1);
    const over = Promise.withResolvers<void>();
    const running: SimulatedCommand = { request, output: `did ${request.command}\n`, over, end: undefined };
    this.#journal.set(request.id, running);
    const [what, ms = '0', exitCode = '0'] = request.command.split(' ');
    const { timeoutMs = 30_000 } = request;
    if (what === 'background') this.#background.push({ tag: request.tag, endsAt: this.#time.now() + Number(ms) });
    const lasts = what === 'forever' ? Number.POSITIVE_INFINITY : what === 'background' ? 0 : Number(ms);
    const end = lasts > timeoutMs ? ({ exitCode: 124, reason: 'timed_out' } as const) : { exitCode: Number(exitCode) };
    this.#time.setTimeout(() => endCommand(running, end), Math.min(lasts, timeoutMs));
    return running;
  }

  #end(isMeant: (request: OperationSpec) => boolean): number {
    const meant = [...this.#journal.values()].filter(({ request, end }) => !end && isMeant(request));
    for (const running of meant) endCommand(running, { exitCode: 143, reason: 'killed' });
    return meant.length;
  }

  async #call<Value>(lost: AbortSignal, signal: AbortSignal, act: () => Value | Promise<Value>): Promise<Value> {
    if (lost.aborted) throw new AppError('sandbox_lost', 'The sandbox is gone.');
    const mishap = this.#mishaps.shift();
    if (mishap) {
      this.#hit(`sandbox: a call fails with ${mishap}`);
      throw new AppError(mishap, 'The sandbox did not answer.');
    }
    const gone = Promise.withResolvers<never>();
    const fire = () => {
      try {
        throwIfAborted(signal);
        gone.reject(new AppError('sandbox_lost', 'The sandbox is gone.'));
      } catch (error) {
        gone.reject(error);
      }
    };
    const either = combineSignals([lost, signal]);
    if (either.aborted) fire();
    either.addEventListener('abort', fire, { once: true });
    gone.promise.catch(() => {});
    try {
      if (either.aborted) return await gone.promise; // the client sends nothing once its signal has fired
      // A paused sandbox answers after it is unpaused.
      while (this.isPaused()) await Promise.race([this.#time.sleep(100), gone.promise]);
      if (this.#hangs) return await gone.promise;
      return await Promise.race([act(), gone.promise]);
    } finally {
      either.removeEventListener('abort', fire);
    }
  }
}
