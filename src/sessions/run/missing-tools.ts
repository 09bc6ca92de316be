import type { FailedServer } from '../../agents/mcp/tool-servers.ts';
import type { RunWriter } from './log/run-writer.ts';

type Run = Pick<RunWriter, 'runId' | 'write'>;

/** Tells in the log of a run which tool servers gave no tools. Each is told once, though each request tries it again. */
export class MissingTools {
  readonly #told = new WeakMap<Run, Set<string>>();

  async tell(run: Run, failed: readonly FailedServer[]): Promise<void> {
    const told = this.#told.get(run) ?? new Set();
    this.#told.set(run, told);
    for (const { name, message: detail, isRefused } of failed) {
      if (told.has(name)) continue;
      told.add(name);
      const server = { name, isRefused };
      await run.write({ type: 'run.notice', runId: run.runId, data: { kind: 'no_tools', detail, server } });
    }
  }
}
