import type { FailedServer, LeftOutTool } from '../../agents/mcp/tool-servers.ts';
import type { LeftOut } from '../../agents/models/model.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { RunWriter } from './log/run-writer.ts';

type Run = Pick<RunWriter, 'runId' | 'write'>;

/** Reports in the log of a run what a request lacks: each server, tool and picture once, however often it is tried. */
export class MissingTools {
  readonly #told = new WeakMap<object, Set<string>>();

  async tell(run: Run, failed: readonly FailedServer[], leftOut: readonly LeftOutTool[] = []): Promise<void> {
    const { runId } = run;
    for (const { name, message: detail, isRefused } of failed) {
      if (!this.#isNew(run, name)) continue;
      await run.write({ type: 'run.notice', runId, data: { kind: 'no_tools', detail, server: { name, isRefused } } });
    }
    for (const { server, tool, reason } of leftOut) {
      if (!this.#isNew(run, `${server}\0${tool}`)) continue;
      const detail = `The tool ${tool} of the tool server ${server} is left out: ${reason}.`;
      await run.write({ type: 'run.notice', runId, data: { kind: 'left_out', detail } });
    }
  }

  /** The notices about what a model's request lacked. */
  factsOf(run: Pick<RunWriter, 'runId'>, leftOut: readonly LeftOut[]): SessionFact[] {
    return leftOut
      .filter(({ kind, name }) => this.#isNew(run, `${kind}\0${name}`))
      .map(({ detail }) => ({ type: 'run.notice', runId: run.runId, data: { kind: 'left_out', detail } }));
  }

  #isNew(run: object, name: string): boolean {
    const told = this.#told.get(run) ?? new Set();
    this.#told.set(run, told);
    return told.size !== told.add(name).size;
  }
}
