import { createTimeoutSignal, raceAbort, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError, type ErrorCode, ignoreNotFound } from '../../core/errors/errors.ts';
import type { ProgramClient } from '../../sandboxes/client/client.ts';
import { type CellEnd, type CellListener, KernelConnection } from './connection.ts';
import { buildKernelProgram, defaultContextLanguages, type KernelLanguage } from './languages.ts';
import type { CodeError } from './messages.ts';

export interface Cell {
  readonly code: string;
  readonly timeoutMs: number;
  readonly listener: CellListener;
  readonly env?: Readonly<Record<string, string>>;
  /** The run's tag. Also set on a kernel that this cell starts. */
  readonly tag?: string;
  /** Absolute. If this cell starts the kernel and the context sets no folder, the kernel starts here. */
  readonly folder?: string;
}
export interface CellOutcome {
  /** `whole`: finished or failed on its own. `timed_out` and `cancelled`: interrupted. `died`: the kernel ended. */
  readonly ended: 'whole' | 'timed_out' | 'cancelled' | 'died';
  readonly count: number | undefined;
  readonly error: CodeError | undefined;
  readonly isFirst: boolean;
  /** True if the variables are gone, because the kernel died or ignored the interrupt. */
  readonly isStateLost: boolean;
  readonly exitCode: number | undefined;
}
interface Deps {
  readonly programs: ProgramClient;
  readonly clock: Clock;
  readonly newNonce: () => string;
}
interface KernelOptions {
  readonly id: string;
  readonly language: KernelLanguage;
  readonly cwd?: string | undefined;
  readonly isAnywhere?: boolean;
}

const startMs = 30_000;
const interruptMs = 3_000;
const endMs = 10_000;

/** Cells run one after another; the first one starts the kernel. */
export class Kernel {
  readonly #deps: Deps;
  readonly #options: KernelOptions;
  readonly #inOrder = createKeyedQueue();
  #connection: KernelConnection | undefined;

  constructor(deps: Deps, options: KernelOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * After a timeout or abort, interrupts the kernel, or stops it if that fails. Rejects with cancelled (before the
   * start), deadline_exceeded (kernel not started), file_not_found (no interpreter), unsupported (invalid message), and
   * as `ProgramClient` does.
   */
  async execute(cell: Cell, signal: AbortSignal): Promise<CellOutcome> {
    return await this.#inOrder('cell', () => this.#execute(cell, signal));
  }

  /** Also ends every process that the cells started. */
  async close(): Promise<void> {
    this.detach();
    await this.#deps.programs.close(this.#options.id, AbortSignal.timeout(endMs)).catch(ignoreNotFound);
  }

  detach(): void {
    this.#connection?.detach();
    this.#connection = undefined;
  }

  async #execute(cell: Cell, signal: AbortSignal): Promise<CellOutcome> {
    throwIfAborted(signal);
    const { code, timeoutMs, listener, env } = cell;
    const { connection, isFirst } = await this.#connected(cell, signal);
    using until = createTimeoutSignal(timeoutMs, this.#deps.clock, signal);
    const work = connection.execute(code, listener, env);
    const partial = { isFirst, count: undefined, error: undefined, exitCode: undefined };
    try {
      const { count, error } = await raceAbort(work, until.signal);
      return { ...partial, ended: 'whole', count, error, isStateLost: false };
    } catch (thrown) {
      if (!until.signal.aborted) return await this.#broken(connection, thrown, partial);
      const ended = signal.aborted ? 'cancelled' : 'timed_out';
      const last = await this.#interrupt(connection, work);
      if (!last) await this.close();
      return { ...partial, ended, count: last?.count, error: last?.error, isStateLost: !last };
    }
  }

  async #broken(
    connection: KernelConnection,
    thrown: unknown,
    partial: Omit<CellOutcome, 'ended' | 'isStateLost' | 'exitCode'>,
  ): Promise<CellOutcome> {
    this.#connection = undefined;
    const { exitCode } = connection;
    if (exitCode !== undefined) return { ...partial, ended: 'died', isStateLost: true, exitCode };
    // A lost connection does not mean that the kernel is gone.
    if (!(thrown instanceof AppError && thrown.code === 'sandbox_lost')) await this.close().catch(() => {});
    throw thrown;
  }

  async #interrupt(connection: KernelConnection, work: Promise<CellEnd>): Promise<CellEnd | undefined> {
    using until = createTimeoutSignal(interruptMs, this.#deps.clock);
    try {
      return await connection.interrupt(work, until.signal);
    } catch {
      return undefined;
    }
  }

  async #connected(cell: Cell, signal: AbortSignal): Promise<{ connection: KernelConnection; isFirst: boolean }> {
    const { tag, folder } = cell;
    if (this.#connection && this.#connection.exitCode === undefined) {
      return { connection: this.#connection, isFirst: false };
    }
    const { programs, clock, newNonce } = this.#deps;
    const { id } = this.#options;
    using until = createTimeoutSignal(startMs, clock, signal);
    const known = (await programs.list(until.signal)).find((it) => it.id === id);
    const isRunning = known !== undefined && known.exitCode === undefined;
    if (known && !isRunning) await programs.close(id, until.signal).catch(ignoreNotFound);
    const options = this.#options;
    const isElsewhere = options.cwd === undefined && folder !== undefined;
    const where = isElsewhere ? { ...options, cwd: folder, isAnywhere: true } : options;
    const request = { id, ...programIn(where), ...(tag && { tag }) };
    await programs.open(request, until.signal).catch((thrown) => fail(thrown, options));
    try {
      const program = { id, nonce: newNonce(), mayBeAtWork: isRunning };
      this.#connection = await KernelConnection.open(programs, program, until.signal);
    } catch (thrown) {
      await this.close().catch(() => {});
      // A kernel may exit while the server is connecting to it.
      if (isRunning && isCode(thrown, 'not_found')) return await this.#connected(cell, signal);
      return fail(thrown, options);
    }
    return { connection: this.#connection, isFirst: !isRunning };
  }
}

const isCode = (thrown: unknown, code: ErrorCode): boolean => thrown instanceof AppError && thrown.code === code;

function fail(thrown: unknown, { language }: KernelOptions): never {
  if (!isCode(thrown, 'file_not_found')) throw thrown;
  const [program] = buildKernelProgram(language).argv;
  const advice = 'Install it in the sandbox or on the machine that it runs on, or use another language.';
  throw new AppError(
    'file_not_found',
    `${language} cells need ${program}, which this sandbox does not have. ${advice}`,
  );
}

/** The daemon starts programs only in the workspace, so a shell changes the folder. */
function programIn({ language, cwd, isAnywhere }: KernelOptions) {
  const program = buildKernelProgram(language);
  if (cwd === undefined) return program;
  if (!isAnywhere) return { ...program, cwd };
  return { ...program, argv: ['sh', '-c', 'cd -- "$0" && exec "$@"', cwd, ...program.argv] };
}

interface CodeContext {
  readonly id: string;
  readonly language: KernelLanguage;
  /** Absolute, or relative to the workspace. Default: the workspace. */
  readonly cwd?: string | undefined;
  readonly isAnywhere?: boolean;
}
interface KnownContext extends CodeContext {
  readonly kernel: Kernel;
  lastRun?: string | undefined;
}

/** Limited because each context is a process. */
const maxContexts = 16;

/** Each language in `defaultContextLanguages` has a default context, named after the language. */
export class KernelContexts {
  readonly #deps: ConstructorParameters<typeof Kernel>[0];
  readonly #known = new Map<string, KnownContext>();

  constructor(deps: { readonly programs: ProgramClient; readonly clock: Clock; readonly newNonce: () => string }) {
    this.#deps = deps;
    for (const language of defaultContextLanguages) this.#add({ id: language, language });
  }

  list(): readonly CodeContext[] {
    return [...this.#known.values()].map(({ id, language, cwd }) => ({ id, language, cwd }));
  }

  /** Throws conflict (another language for this id, or too many contexts). */
  create(context: CodeContext): CodeContext {
    const known = this.#known.get(context.id);
    if (known && known.language !== context.language) {
      throw new AppError('conflict', `Context ${context.id} already uses ${known.language}. Choose another id.`);
    }
    if (!known && this.#known.size >= maxContexts) {
      const names = [...this.#known.keys()].join(', ');
      throw new AppError('conflict', `There are already ${maxContexts} contexts, the maximum: ${names}.`);
    }
    return known ?? this.#add(context);
  }

  // `execute`, `restart` and `remove` reject with not_found if the context does not exist.
  /** Runs a cell after the context's earlier cells. Rejects as `Kernel.execute` does. */
  async execute(id: string, cell: Cell, signal: AbortSignal): Promise<CellOutcome> {
    const known = this.#the(id);
    known.lastRun = cell.tag;
    return await known.kernel.execute(cell, signal);
  }

  /** All variables are lost. */
  async restart(id: string): Promise<void> {
    await this.#the(id).kernel.close();
  }

  async remove(id: string): Promise<void> {
    const { kernel } = this.#the(id);
    this.#known.delete(id);
    await kernel.close();
  }

  async endRun(run: string): Promise<void> {
    const used = [...this.#known.values()].filter(({ lastRun }) => lastRun === run);
    await Promise.all(used.map(({ kernel }) => kernel.close()));
  }

  detach(): void {
    for (const { kernel } of this.#known.values()) kernel.detach();
  }

  #add(context: CodeContext): KnownContext {
    const kernel = new Kernel(this.#deps, { ...context, id: `kernel-${context.id}` });
    const added: KnownContext = { ...context, kernel };
    this.#known.set(context.id, added);
    return added;
  }

  #the(id: string): KnownContext {
    const known = this.#known.get(id);
    if (!known) throw new AppError('not_found', `There is no context ${id}.`);
    return known;
  }
}
