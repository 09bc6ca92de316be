import type { UsageSum } from '../../core/contracts/ports.ts';
import type { SessionEvent } from '../../core/model/events.ts';
import { usageSums } from '../usage-sums.ts';
import type { Connection } from './connection.ts';
import { recordId, seqOf, sessionOf } from './documents.ts';

type Usage = Extract<SessionEvent, { type: 'usage' }>['data'];
const recordsAtOnce = 1_000;

/** Sums the usage of all sessions in `from <= time < to`. A fact is text to the database, so the sums are made here. */
export async function usageBetween({ at }: Connection, from: number, to: number): Promise<UsageSum[]> {
  const found: { _id: string; at: number; fact: string }[] = [];
  for (const events of at.allEvents) {
    const cursor = events.find({ used: 1, at: { $gte: from, $lt: to } }, { projection: { at: 1, fact: 1 } });
    for await (const event of cursor) found.push(event);
  }
  const copied = await copiedSeqs({ at }, [...new Set(found.map(({ _id }) => sessionOf(_id)))]);
  const own = found.filter(({ _id }) => seqOf(_id) > (copied.get(sessionOf(_id)) ?? 0));
  return usageSums(
    own.map(({ _id, at: time, fact }) => ({
      sessionId: sessionOf(_id),
      at: time,
      data: (JSON.parse(fact) as { data: Usage }).data,
    })),
  );
}

/** Where the events of its own begin in the log of each fork. */
async function copiedSeqs({ at }: Pick<Connection, 'at'>, sessions: readonly string[]): Promise<Map<string, number>> {
  const copied = new Map<string, number>();
  for (let n = 0; n < sessions.length; n += recordsAtOnce) {
    const ids = sessions.slice(n, n + recordsAtOnce).map((id) => recordId('session', id));
    for await (const { id, doc } of at.records.find({ _id: { $in: ids } }, { projection: { id: 1, doc: 1 } })) {
      const seq = (JSON.parse(doc) as { forkedFrom?: { seq: number } } | null)?.forkedFrom?.seq;
      if (seq !== undefined) copied.set(id, seq);
    }
  }
  return copied;
}
