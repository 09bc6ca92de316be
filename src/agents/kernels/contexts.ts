import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { ProgramClient } from '../../sandboxes/client/client.ts';
import { type Cell, type CellOutcome, Kernel } from './kernel.ts';
import { defaultContextLanguages, type KernelLanguage } from './languages.ts';

interface CodeContext {
  readonly id: string;
  readonly language: KernelLanguage;
  /** Absolute, or relative to the workspace. Undefined: the workspace. */
  readonly cwd?: string | undefined;
  /** Whether the folder can be outside the workspace. */
  readonly isAnywhere?: boolean;
}
interface KnownContext extends CodeContext {
  readonly kernel: Kernel;
  lastRun?: string | undefined;
}

/** Maximum contexts per sandbox, because each is a process. */
const maxContexts = 16;

/**
 * Contexts of one sandbox. The languages in `defaultContextLanguages` have a default context, named after the language. A
 * context's kernel starts with its first cell.
 */
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

  /** Throws conflict if the id has another language, or if the sandbox has too many contexts. */
  create(context: CodeContext): CodeContext {
    const known = this.#known.get(context.id);
    if (known && known.language !== context.language) {
      throw new AppError('conflict', `Context ${context.id} is one of ${known.language}. Choose another id.`);
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

  /** Stops the kernel and all its processes. The next cell finds no variables. */
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
