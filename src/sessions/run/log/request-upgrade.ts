import { z } from 'zod';
import { sleep, throwIfAborted } from '../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import type { RecordStore, StoredRecord } from '../../../core/contracts/ports.ts';
import { toAppError } from '../../../core/errors/errors.ts';
import { modelRequestKind, requestIdOf, StoredRequest, toStoredRequestNotes } from './stored-request.ts';

/** The position of the last processed request; null: all are shortened. */
const Place = z.object({ after: z.object({ sort: z.number(), id: z.string() }).nullable() });
const place = { kind: 'server', id: 'request-notes' } as const;
const perPage = 20; // an old record can have 100 KB
const restMs = 20;

/**
 * Shortens requests stored by older versions: instead of repeating all earlier notes, they refer to the previous request. Runs
 * once per store; continues where an earlier server stopped.
 */
export async function upgradeStoredRequests(records: RecordStore, clock: Clock, signal: AbortSignal): Promise<void> {
  const known = await records.get(place.kind, place.id);
  let after = known ? Place.parse(known.doc).after : undefined;
  while (after !== null) {
    // Newest first, so that the previous request still has its complete list of notes.
    const page = await records.list(modelRequestKind, { limit: perPage, ...(after && { after }) });
    for (const record of page) {
      throwIfAborted(signal);
      await shorten(records, record);
    }
    const last = page.at(-1);
    after = last ? { sort: turnIn(last.id), id: last.id } : null;
    await records.put({ ...place, doc: { after } });
    if (after) await sleep(restMs, signal, clock);
  }
}

const turnIn = (id: string): number => Number(id.slice(id.indexOf(':') + 1));

async function shorten(records: RecordStore, { id, doc, version }: StoredRecord): Promise<void> {
  const stored = StoredRequest.safeParse(doc);
  if (!stored.success || !stored.data.earlier) return;
  const { earlier, ...request } = stored.data;
  const turn = turnIn(id);
  const before = await records.get(modelRequestKind, `${id.slice(0, id.indexOf(':') + 1)}${requestIdOf(turn - 1)}`);
  const known = StoredRequest.safeParse(before?.doc).data?.earlier ?? [];
  const differs = earlier.findIndex(({ before: at, note }, n) => known[n]?.before !== at || known[n]?.note !== note);
  const kept = differs < 0 ? earlier.length : differs;
  const notes = toStoredRequestNotes({ turn: turn - 1, kept }, earlier.slice(kept));
  await records
    .put({ kind: modelRequestKind, id, doc: { ...request, ...notes }, sort: turn, expect: version })
    .catch((thrown: unknown) => {
      if (toAppError(thrown).code !== 'conflict') throw thrown; // another server did the same, or the session is gone
    });
}
