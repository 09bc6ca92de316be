import type { FailedToolServer } from '../../agents/mcp/tool-servers.ts';
import type { OmittedContent } from '../../agents/models/model.ts';
import type { UnsupportedTool } from '../../agents/tools/tool.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { RunWriter } from './log/run-writer.ts';
import type { RunContext } from './run-context.ts';

type Run = Pick<RunWriter, 'runId' | 'write'>;

export interface UnreachableCredential {
  readonly id: string;
  readonly vaultId: string;
  readonly name: string;
  readonly host: string;
}

export class OmissionReporter {
  readonly #reported = new WeakMap<object, Set<string>>();

  async tell(run: Run, failed: readonly FailedToolServer[], leftOut: readonly UnsupportedTool[] = []): Promise<void> {
    const { runId } = run;
    for (const { name, message: detail, isRefused } of failed) {
      if (!this.#isNew(run, name)) continue;
      await run.write({ type: 'run.notice', runId, data: { kind: 'no_tools', detail, server: { name, isRefused } } });
    }
    for (const { server, tool, reason } of leftOut) {
      if (!this.#isNew(run, `${server}\0${tool}`)) continue;
      const named = server === undefined ? `custom tool ${tool}` : `tool ${tool} of the tool server ${server}`;
      const detail = `The ${named} is left out: ${reason}.`;
      await run.write({ type: 'run.notice', runId, data: { kind: 'left_out', detail } });
    }
  }

  /** Logs each unreachable credential once per session and process. Calls `read` once per run. */
  async tellUnreached(session: object, run: Run, read: () => Promise<readonly UnreachableCredential[]>): Promise<void> {
    if (!this.#isNew(run, 'credentials\0')) return;
    for (const { name, ...credential } of await read()) {
      if (!this.#isNew(session, credential.id)) continue;
      const detail =
        `The variable ${name} of a vault is for ${credential.host}` +
        ", which this session's network does not allow. Allow it in the environment, or remove it from the credential.";
      await run.write({ type: 'run.notice', runId: run.runId, data: { kind: 'left_out', detail, credential } });
    }
  }

  factsOf(run: Pick<RunWriter, 'runId'>, leftOut: readonly OmittedContent[]): SessionFact[] {
    return leftOut
      .filter(({ kind, name }) => this.#isNew(run, `${kind}\0${name}`))
      .map(({ detail }) => ({ type: 'run.notice', runId: run.runId, data: { kind: 'left_out', detail } }));
  }

  callless({ model, runWriter }: Pick<RunContext, 'model' | 'runWriter'>): SessionFact[] {
    const { messages } = runWriter.transcript;
    const asked = messages.findLastIndex(({ role }) => role === 'user');
    const hasCalled = messages.some(
      (one, at) => one.role === 'assistant' && (one.model === model.name || at > asked) && one.calls.length > 0,
    );
    if (!model.abilities.unproven || hasCalled) return [];
    const detail =
      'No tool was called, so nothing changed. If you asked this model to work with files or commands, ask again or choose a model that calls tools.';
    return this.factsOf(runWriter, [{ kind: 'tools', name: '', detail }]);
  }

  #isNew(holder: object, name: string): boolean {
    const reports = this.#reported.get(holder) ?? new Set();
    this.#reported.set(holder, reports);
    return reports.size !== reports.add(name).size;
  }
}

export const omissionReporter = new OmissionReporter();
