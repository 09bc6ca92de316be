import { toAppError } from '../../core/errors.ts';
import { failpointSync } from '../../core/failpoint.ts';
import type { RunId, SessionId } from '../../core/ids.ts';
import { endFacts } from '../run/run-actors.ts';
import { RunScribe } from '../run/run-writer.ts';
import type { EngineOptions } from './engine-options.ts';
import { type Broken, freshRun, hearMessages, type Recording } from './live-session.ts';
import type { Residents } from './live-sessions.ts';
import type { Answers } from './pending-commands.ts';

interface Deps extends Pick<EngineOptions, 'ids' | 'clock' | 'logger' | 'onRunEnd'> {
  readonly residents: Residents;
  readonly answers: Answers;
}

/** What a session's machine decided of its runs: written to the log, and the commands behind it answered. */
export class Runs {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  record(id: SessionId, { facts, answer, stops, decided }: Recording): void {
    const { residents, answers, ids, clock, logger } = this.#deps;
    const commandIds = [...(answer ? [answer.commandId] : []), ...((stops ?? decided)?.commandIds ?? [])];
    if (facts.length + commandIds.length === 0) return;
    failpointSync('session.record');
    const live = residents.get(id);
    if (!live) return;
    for (const fact of facts) {
      if (fact.type !== 'run.started') continue;
      const { writer, transcript } = live;
      const soFar = freshRun(fact.data.messageId, fact.data.task);
      live.task = fact.data.task;
      live.scribe = new RunScribe({ writer, transcript, ids, clock, runId: fact.runId as RunId, soFar });
    }
    hearMessages(live, facts);
    answers.onTheirWay(commandIds);
    live.writer.write(facts).then(
      (seq) => answers.settle(commandIds, { ok: true, value: answer ? { ...answer, seq } : (stops ?? decided)?.value }),
      (thrown: unknown) => {
        const { code, publicMessage: message } = toAppError(thrown);
        answers.settle(commandIds, { ok: false, code, message });
        if (commandIds.length === 0) logger.error({ session: id, err: thrown }, 'facts could not be written');
      },
    );
  }

  /** The run's actor broke: that is a bug of ours, and the run ends as failed. */
  async abandon(id: SessionId, { run: { runId, task }, error }: Broken): Promise<void> {
    const { residents, logger, onRunEnd } = this.#deps;
    const live = residents.get(id);
    const scribe = live?.scribe;
    logger.error({ session: id, run: runId, err: error }, 'a run broke');
    const { code, publicMessage: message, retryable } = toAppError(error);
    await scribe
      ?.close(endFacts(runId, task, { reason: 'failed', code, message, retryable }), 'interrupted')
      .catch(() => {});
    if (live && live.scribe === scribe) live.scribe = undefined; // the next run may have begun
    onRunEnd('failed');
  }

  /** The session crashed too often: it goes, and its runs with it. */
  async giveUp(id: SessionId): Promise<void> {
    const { residents, logger } = this.#deps;
    const live = residents.get(id);
    residents.remove(id);
    if (!live) return;
    const end = {
      reason: 'failed',
      code: 'restart_intensity',
      message: 'The session crashed too often and was given up. Send a message to try again.',
      retryable: false,
    } as const;
    const facts = live.writer.record.openRuns.flatMap(({ runId, task }) => endFacts(runId, task, end));
    await (live.scribe ? live.scribe.close(facts, 'interrupted') : live.writer.write(facts)).catch((error: unknown) =>
      logger.error({ session: id, err: error }, 'the end of a session could not be written'),
    );
  }
}
