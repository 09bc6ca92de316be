import { AppError } from '../../core/errors.ts';
import { type RunId, type SessionId, sandboxIdOf } from '../../core/ids.ts';
import { withoutDesktop } from '../../tools/registry.ts';
import type { Working } from '../run/run-context.ts';
import type { UsedSandbox } from '../run/used-sandbox.ts';
import type { EngineOptions } from './engine-options.ts';
import type { LiveSessions } from './live-sessions.ts';

type Given = 'profileOf' | 'clock' | 'toolTimeoutMs' | 'approvals' | 'workdir' | 'gate' | 'driver' | 'agentDesktop';
interface Deps extends Pick<EngineOptions, Given> {
  readonly liveSessions: LiveSessions;
  readonly use: (id: SessionId, signal: AbortSignal) => Promise<UsedSandbox>;
}

/** Collects the dependencies of a run's actors. The returned function rejects with `cancelled` when the run has ended. */
export const workingWith =
  ({ liveSessions, use, profileOf, clock, toolTimeoutMs, approvals, workdir, gate, driver, agentDesktop }: Deps) =>
  async (id: SessionId, runId: RunId): Promise<Working> => {
    const live = liveSessions.the(id);
    const { runWriter } = live;
    if (runWriter?.runId !== runId) throw new AppError('cancelled', 'The run has ended.');
    await runWriter.transcript.load();
    const desktop = driver.capabilities.desktop ? agentDesktop?.of(id) : undefined;
    const sees = desktop !== undefined && (await desktop.existsIn(live.client));
    const { model, tools, prompt, sampling } = await profileOf(live.writer.record);
    return {
      runWriter,
      model,
      tools: sees ? tools : withoutDesktop(tools),
      ...(sees && { desktop }),
      prompt,
      ...(sampling && { sampling }),
      clock,
      toolTimeoutMs,
      approvals,
      task: live.task,
      workdir: live.client?.workdir ?? workdir(sandboxIdOf(id)),
      sandbox: { use: (signal) => use(id, signal) },
      ...(gate && { gate: (signal: AbortSignal) => gate(id, signal) }),
      hasTitle: () => live.writer.record.titleBy !== null,
    };
  };
