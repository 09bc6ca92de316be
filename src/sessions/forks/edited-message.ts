import type { EventLog } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { StoredSession } from '../run/log/projection.ts';
import { isForkableFact } from './snapshots.ts';

const pageSize = 500;

export interface EditedMessage {
  readonly seq: number;
  /** The seq at which the last run or step before the message ended. Undefined: none. */
  readonly filesAt: number | undefined;
  readonly branch: { readonly sessionId: SessionId; readonly seq: number };
}

type EditedSession = Pick<StoredSession, 'id' | 'branch' | 'forkedFrom'>;
type SessionLookup = (id: SessionId) => Promise<EditedSession | undefined>;

/** Rejects: invalid_request (no user message at `seq`, or a run was in progress). */
export async function findEditedMessage(
  { log, known }: { readonly log: Pick<EventLog, 'page'>; readonly known: SessionLookup },
  parent: EditedSession,
  seq: number,
): Promise<EditedMessage> {
  const { id, branch, forkedFrom } = parent;
  const copied = forkedFrom?.seq ?? 0;
  const running = new Set<string>();
  let filesAt: number | undefined;
  let isFirst = true; // the first message since the session was forked
  for (let after = 0; after < seq; ) {
    const { events } = await log.page(id, after, pageSize);
    for (const event of events) {
      if (event.seq === seq && event.type === 'message.user') {
        if (running.size > 0) throw refusal(`The message at ${seq} was sent to a run that was in progress.`);
        const isOwnFirst = isFirst && seq > copied;
        return { seq, filesAt, branch: (isOwnFirst && branch) || (await findOrigin(parent, seq, known)) };
      }
      if (event.seq >= seq) break;
      if (event.type === 'run.started' && event.runId) running.add(event.runId);
      if (event.type === 'run.end' && event.runId) running.delete(event.runId);
      if (event.type === 'message.user' && event.seq > copied) isFirst = false;
      if (isForkableFact(event)) filesAt = event.seq;
    }
    const last = events.at(-1);
    if (!last || last.seq >= seq) break;
    after = last.seq;
  }
  throw refusal(`There is no user message at ${seq}.`);
}

async function findOrigin(
  { id, forkedFrom }: EditedSession,
  seq: number,
  known: SessionLookup,
): Promise<EditedMessage['branch']> {
  let [sessionId, from] = [id, forkedFrom];
  while (from && seq <= from.seq) {
    sessionId = from.sessionId;
    from = (await known(sessionId))?.forkedFrom;
  }
  return { sessionId, seq };
}

const refusal = (why: string) =>
  new AppError('invalid_request', `${why} Use the seq of a message.user event that began a run.`);
