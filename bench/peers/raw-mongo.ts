// The simplest append on MongoDB: insertOne, or insertMany for several events, with the same driver, concerns and index.
import { type Collection, MongoClient } from 'mongodb';

interface RawEvent {
  readonly _id: string;
  readonly type: string;
  readonly at: number;
  readonly fact: string;
}
export interface RawMongo extends AsyncDisposable {
  insert(session: string, seq: number, facts: readonly string[]): Promise<void>;
  put(session: string, doc: string): Promise<void>;
  /** The database's events, however they are spread. */
  count(session: string): Promise<number>;
  /** Inserts this many events of one session at once, so that its log is long from the start. */
  fill(into: string, session: string, count: number, fact: (seq: number) => string): Promise<void>;
}

const idOf = (session: string, seq: number) => `${session}:${String(seq).padStart(12, '0')}`;

export async function rawMongo(url: string, database: string): Promise<RawMongo> {
  const client = await new MongoClient(url, { retryWrites: false }).connect();
  const db = client.db(database, { writeConcern: { w: 'majority', journal: true } });
  const raw: Collection<RawEvent> = db.collection('raw');
  const records = db.collection<{ _id: string; doc: string }>('puts');
  await raw.createIndex({ mark: 1 }, { sparse: true });
  const documentOf = (session: string, seq: number, fact: string) => ({
    ...{ _id: idOf(session, seq), type: 'step', at: Date.now(), fact },
  });
  return {
    async insert(session, seq, facts) {
      const documents = facts.map((fact, n) => documentOf(session, seq + n, fact));
      if (documents.length > 1) await raw.insertMany(documents);
      else await raw.insertOne(documents[0] as RawEvent);
    },
    async put(session, doc) {
      await records.updateOne({ _id: session }, { $set: { doc } }, { upsert: true });
    },
    async count(session) {
      let sum = 0;
      for (const { name } of await db.listCollections().toArray()) {
        if (!/^(events|raw)/.test(name)) continue;
        const range = { _id: { $gt: `${session}:`, $lt: `${session};` } };
        sum += await db.collection<RawEvent>(name).countDocuments(range);
      }
      return sum;
    },
    async fill(into, session, count, fact) {
      for (let seq = 1; seq <= count; seq += 1_000) {
        const documents = Array.from({ length: Math.min(1_000, count - seq + 1) }, (_, n) =>
          documentOf(session, seq + n, fact(seq + n)),
        );
        await db.collection<RawEvent>(into).insertMany(documents);
      }
    },
    async [Symbol.asyncDispose]() {
      await db.dropDatabase();
      await client.close();
    },
  };
}
