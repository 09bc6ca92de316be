import type { SessionFact } from '../core/events.ts';
import type { SessionId } from '../core/ids.ts';

interface Teller {
  info(about: object, text: string): void;
  warn(about: object, text: string): void;
}

/** What an operator hears of a session's events; all the rest is in the session's own log. */
export function tellOperator(logger: Teller, session: SessionId, fact: SessionFact): void {
  if (fact.type === 'sandbox.phase' && fact.data.phase === 'lost') {
    logger.warn({ session, detail: fact.data.detail }, 'a sandbox was lost');
  }
  if (fact.type === 'sandbox.untrusted') {
    logger.warn({ session, ...fact.data }, 'a sandbox broke the rules of its protocol and is ended');
  }
  if (fact.type !== 'run.end') return;
  const { status, reason, code } = fact.data;
  const about = { session, run: fact.runId, reason, code };
  if (status === 'failed') logger.warn(about, 'a run failed');
  else logger.info(about, 'a run ended');
}
