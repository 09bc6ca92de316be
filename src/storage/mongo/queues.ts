import type { CommandQueue, IdempotencyStore, Lease, LeaseStore, QueuedCommand } from '../../core/contracts/ports.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { MongoConnection } from './connection.ts';
import { type LeaseDocument, StoredCommand, stringifyJson } from './documents.ts';
import { isDuplicateKeyError } from './errors.ts';

export function createMongoIdempotencyStore({ at, run }: MongoConnection, newId: () => string): IdempotencyStore {
  return {
    async claim(key, hash, time) {
      const claim = newId();
      return await run(async () => {
        try {
          await at.inbox.insertOne({ _id: key, hash, at: time, claim });
          return { kind: 'new' };
        } catch (thrown) {
          if (!isDuplicateKeyError(thrown)) throw thrown;
        }
        const found = await at.inbox.findOne({ _id: key });
        if (!found) return { kind: 'pending' }; // released in the meantime, so a later claim can succeed
        if (found.claim === claim) return { kind: 'new' };
        if (found.hash !== hash) return { kind: 'conflict' };
        return found.answer === undefined ? { kind: 'pending' } : { kind: 'done', answer: JSON.parse(found.answer) };
      });
    },
    async answer(key, answer) {
      await run(() => at.inbox.updateOne({ _id: key }, { $set: { answer: stringifyJson(answer) } }));
    },
    async release(key) {
      await run(() => at.inbox.deleteOne({ _id: key, answer: { $exists: false } }));
    },
    expire: async (before) => (await run(() => at.inbox.deleteMany({ at: { $lt: before } }))).deletedCount,
  };
}

export function createMongoLeases({ at, run }: MongoConnection): LeaseStore {
  const leaseOf = ({ _id, holder, epoch, expiresAt }: LeaseDocument): Lease => ({
    name: _id,
    holder,
    epoch,
    expiresAt,
  });
  return {
    async acquire(name, holder, now, ttlMs) {
      const expiresAt = now + ttlMs;
      return await run(async () => {
        const found = await at.leases.findOne({ _id: name });
        const mine = found?.holder === holder;
        if (found && !mine && found.expiresAt > now) return undefined;
        const next = { holder, epoch: (found?.epoch ?? 0) + (mine ? 0 : 1), expiresAt };
        try {
          if (!found) await at.leases.insertOne({ _id: name, ...next });
          else {
            // Matches only the version read, so that only one server gets a lapsed lease.
            const { epoch, holder: old, expiresAt: until } = found;
            const seen = mine ? { _id: name, epoch, holder } : { _id: name, epoch, holder: old, expiresAt: until };
            if ((await at.leases.updateOne(seen, { $set: next })).matchedCount === 0) return undefined;
          }
        } catch (thrown) {
          if (isDuplicateKeyError(thrown)) return undefined;
          throw thrown;
        }
        return { name, ...next };
      });
    },
    async renew(names, holder, expiresAt) {
      const mine = { _id: { $in: [...names] }, holder };
      return await run(async () => {
        await at.leases.updateMany(mine, { $set: { expiresAt } });
        // The two requests need no transaction, because no other server takes a lease before it expires.
        const found = await at.leases.find(mine, { projection: { epoch: 1 } }).toArray();
        return new Map(found.map(({ _id, epoch }) => [_id, epoch]));
      });
    },
    async release(name, holder) {
      await run(() => at.leases.updateOne({ _id: name, holder }, { $set: { holder: '', expiresAt: 0 } }));
    },
    async get(name) {
      const found = await run(() => at.leases.findOne({ _id: name }));
      return found ? leaseOf(found) : undefined;
    },
  };
}

export function createMongoCommands({ at, run }: MongoConnection): CommandQueue {
  let posted = 0;
  const toCommand = (document: unknown): QueuedCommand => {
    const { _id: id, session: sessionId, name, body, at } = StoredCommand.parse(document);
    return { id, sessionId, name, body: JSON.parse(body), at };
  };
  const order = { at: 1, nth: 1 } as const;
  return {
    async post({ id, sessionId, name, body, at: time }) {
      const nth = String(++posted).padStart(12, '0');
      const document = {
        _id: id,
        session: sessionId,
        name,
        body: stringifyJson(body),
        at: time,
        nth,
        open: true as const,
      };
      await run(() =>
        at.commands.insertOne(document).catch((thrown: unknown) => {
          if (!isDuplicateKeyError(thrown)) throw thrown;
        }),
      );
    },
    async pending(sessions, limit) {
      if (sessions.length === 0 || limit === 0) return [];
      const open = { open: true as const, session: { $in: [...sessions] } };
      return (await run(() => at.commands.find(open, { sort: order, limit }).toArray())).map(toCommand);
    },
    async waiting(before, limit) {
      const open = { open: true as const, at: { $lt: before } };
      const seen = new Set<SessionId>();
      return await run(async () => {
        for await (const { session } of at.commands.find(open, { sort: order, projection: { session: 1 } })) {
          seen.add(SessionId.parse(session));
          if (seen.size >= limit) break;
        }
        return [...seen].slice(0, limit);
      });
    },
    async answer(id, answer) {
      const done = { $set: { answer: stringifyJson(answer), body: 'null' }, $unset: { open: 1 as const } };
      await run(() => at.commands.updateOne({ _id: id, open: true }, done));
    },
    async answers(ids) {
      if (ids.length === 0) return new Map();
      const answered = { _id: { $in: [...ids] }, answer: { $exists: true } };
      const found = await run(() => at.commands.find(answered).toArray());
      return new Map(found.map(({ _id, answer = 'null' }) => [_id, JSON.parse(answer)]));
    },
    expire: async (before) => (await run(() => at.commands.deleteMany({ at: { $lt: before } }))).deletedCount,
  };
}
