import type { AppError } from '../core/errors/errors.ts';
import type { SessionFact } from '../core/model/events.ts';
import type { SessionId } from '../core/model/ids.ts';

interface OperatorLogger {
  info(about: object, text: string): void;
  warn(about: object, text: string): void;
}

export function logForOperator(
  logger: OperatorLogger,
  session: SessionId,
  fact: SessionFact,
  failure?: AppError,
): void {
  if (fact.type === 'sandbox.phase' && fact.data.phase === 'lost') {
    const why = failure && { code: failure.code, err: failure.cause ?? failure };
    logger.warn({ session, detail: fact.data.detail, ...why }, 'a sandbox was lost');
  }
  if (fact.type === 'sandbox.untrusted') {
    logger.warn({ session, ...fact.data }, 'a sandbox violated its protocol and is being ended');
  }
  if (fact.type !== 'run.end') return;
  const { status, reason, code } = fact.data;
  const about = { session, run: fact.runId, reason, code };
  if (status === 'failed') logger.warn(about, 'a run failed');
  else logger.info(about, 'a run ended');
}
