import type { RecordStore } from '../../../core/contracts/ports.ts';
import { SessionRecord } from '../../../core/model/records.ts';

const atOnce = 100;

/** The records of these sessions by their ids, without those that are gone. */
export async function readSessions(
  records: Pick<RecordStore, 'get'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, SessionRecord>> {
  const found = new Map<string, SessionRecord>();
  for (let n = 0; n < ids.length; n += atOnce) {
    const some = await Promise.all(ids.slice(n, n + atOnce).map((id) => records.get('session', id)));
    for (const one of some) if (one) found.set(one.id, SessionRecord.parse(one.doc));
  }
  return found;
}
