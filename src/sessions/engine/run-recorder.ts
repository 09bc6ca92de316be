import { toUnjudgedAssessment } from '../../../machines/run-rules.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import { failpointSync } from '../../core/errors/failpoint.ts';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import { type BrokenRun, createRunProgress, deliverToRun, type FactBatch } from '../run/live-session.ts';
import { RunWriter } from '../run/log/run-writer.ts';
import { createRunEndFacts } from '../run/run-actors.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { EngineLogger } from './logger.ts';
import type { PendingCommands } from './session-commands.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'ids'> {
  readonly logger: Pick<EngineLogger, 'error'>;
  readonly onRunEnd: (status: 'failed') => void;
  readonly liveSessions: LiveSessions;
  readonly pendingCommands: PendingCommands;
}

export class RunRecorder extends ServerComponent<Deps> {
  record(id: SessionId, { facts, answer, stops, decided, goal }: FactBatch): void {
    const { liveSessions, pendingCommands, ids, clock, logger } = this.deps;
    const commandIds = [...(answer ? [answer.commandId] : []), ...((stops ?? decided)?.commandIds ?? [])];
    if (facts.length + commandIds.length === 0) return;
    failpointSync('session.record');
    const live = liveSessions.get(id);
    if (!live) return;
    for (const fact of facts) {
      if (fact.type !== 'run.started') continue;
      const { writer, transcript } = live;
      const { messageId, task } = fact.data;
      const soFar = createRunProgress({ messageId, task, goal, attachments: live.attached.get(messageId) });
      live.attached.delete(messageId);
      live.task = fact.data.task;
      live.runWriter = new RunWriter({ writer, transcript, ids, clock, runId: fact.runId as RunId, soFar });
    }
    deliverToRun(live, facts);
    pendingCommands.onTheirWay(commandIds);
    live.writer.write(facts).then(
      (seq) =>
        pendingCommands.settle(commandIds, {
          ok: true,
          value: answer ? { ...answer, seq } : (stops ?? decided)?.value,
        }),
      (thrown: unknown) => {
        const { code, publicMessage: message } = toAppError(thrown);
        pendingCommands.settle(commandIds, { ok: false, code, message });
        if (commandIds.length === 0) logger.error({ session: id, err: thrown }, 'events could not be written');
      },
    );
  }

  /** Fails a run whose actor threw, which is always a server bug. */
  async abandon(id: SessionId, { run: { runId, task, goal }, error }: BrokenRun): Promise<void> {
    const { liveSessions, logger, onRunEnd } = this.deps;
    const live = liveSessions.get(id);
    const runWriter = live?.runWriter;
    logger.error({ session: id, run: runId, err: error }, 'a run failed because of a bug');
    const { code, publicMessage: message, retryable } = toAppError(error);
    await runWriter
      ?.close(
        createRunEndFacts(runId, task, { reason: 'failed', code, message, retryable, ...endOfGoal(goal) }),
        'interrupted',
      )
      .catch(() => {});
    if (live && live.runWriter === runWriter) live.runWriter = undefined; // the next run may have started
    onRunEnd('failed');
  }

  async giveUp(id: SessionId): Promise<void> {
    const { liveSessions, logger } = this.deps;
    const live = liveSessions.get(id);
    liveSessions.remove(id);
    if (!live) return;
    const end = {
      reason: 'failed',
      code: 'restart_intensity',
      message: 'The session crashed too often and was stopped. Send a message to try again.',
      retryable: false,
    } as const;
    const facts = live.writer.record.openRuns.flatMap(({ runId, task, hasGoal }) =>
      createRunEndFacts(runId, task, { ...end, ...endOfGoal(hasGoal) }),
    );
    await (live.runWriter ? live.runWriter.close(facts, 'interrupted') : live.writer.write(facts)).catch(
      (error: unknown) => logger.error({ session: id, err: error }, 'the end of a session could not be written'),
    );
  }
}

const endOfGoal = (goal: unknown) => (goal ? { goal: toUnjudgedAssessment('failed') } : {});
