import { turnOfTheLoop } from '../../core/contracts/clock.ts';
import type { RecordStore, StoredRecord } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { ListQuery } from '../api/sessions.ts';
import { publicRecord, StoredSession } from '../run/log/projection.ts';

/** Sessions per read of the store, and per turn of the event loop: parsing them takes a few milliseconds. */
const maxAtOnce = 500;

/** The list of sessions, newest message first, as the store has it. */
export class SessionList {
  readonly #records: Pick<RecordStore, 'get' | 'list'>;

  constructor(records: Pick<RecordStore, 'get' | 'list'>) {
    this.#records = records;
  }

  /** One stored session; a deleted one as its tombstone. */
  async get(id: SessionId): Promise<StoredSession | undefined> {
    const found = await this.#records.get('session', id);
    return found && StoredSession.parse(found.doc);
  }

  /** Usually one read. Where `keep` refuses sessions, as many more as it takes. */
  async part({ limit, after, keep }: ListQuery): Promise<SessionRecord[]> {
    const found: SessionRecord[] = [];
    let place = after && { sort: after.latestMessageAt, id: after.id };
    for (let size = Math.min(limit, maxAtOnce); found.length < limit; size = maxAtOnce) {
      const rows = await this.#records.list('session', { limit: size, ...(place && { after: place }) });
      const sessions = rows.map(parsed);
      found.push(...sessions.filter(({ deleting }) => !deleting).filter(keep));
      const last = sessions.at(-1);
      if (!last || rows.length < size) break;
      place = { sort: last.latestMessageAt, id: last.id };
    }
    return found.slice(0, limit);
  }

  /** One read, so that a session that moves meanwhile is in it once. */
  async all(): Promise<SessionRecord[]> {
    const found: SessionRecord[] = [];
    for (const [n, row] of (await this.#records.list('session')).entries()) {
      if (n > 0 && n % maxAtOnce === 0) await turnOfTheLoop();
      const session = parsed(row);
      if (!session.deleting) found.push(session);
    }
    return found;
  }
}

const parsed = ({ doc }: StoredRecord): SessionRecord => publicRecord(StoredSession.parse(doc));
