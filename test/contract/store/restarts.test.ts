import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { AppendRequest, EventLog } from '../../../src/core/contracts/ports.ts';
import { toAppError } from '../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { createEventLog } from '../../../src/storage/log/log.ts';
import { nightly } from '../../support/runner/tags.ts';
import { mongoUrl, openMongo, skipMongo } from '../../support/stores/mongo.ts';
import { mongoProxy } from '../../support/stores/mongo-proxy.ts';
import { facts, newSession } from '../../support/stores/store.ts';

const notPrimary = 10107;
const shuttingDown = 91;
const rounds = 3;
const trouble = { awayMs: 3_000, calmMs: 4_000 };

/** Appends facts one by one, each once the last is acknowledged. Returns the head. */
async function appender(log: EventLog, sessionId: SessionId, signal: AbortSignal) {
  let head = 0;
  while (!signal.aborted) {
    const entry: AppendRequest = { sessionId, after: head, at: 1, facts: facts(1) };
    head = await untilDone(log, entry);
  }
  return { sessionId, head };
}

async function untilDone(log: EventLog, entry: AppendRequest): Promise<number> {
  for (;;) {
    try {
      return await log.append(entry);
    } catch (thrown) {
      if (!toAppError(thrown).retryable) throw thrown;
      await pause(50);
    }
  }
}

test.skipIf(skipMongo)(
  'F066 a database that restarts and steps down under load loses and doubles nothing (needs TEST_MONGODB_URL)',
  { ...nightly },
  async () => {
    await using proxy = await mongoProxy(mongoUrl as string);
    await using opened = await openMongo({ url: new Secret(proxy.url) });
    const log = createEventLog(opened.store.events, { maxLag: 5_000, pageSize: 256 });
    const over = new AbortController();
    const first = newSession();
    const seen: number[] = [];
    const follow = async () => {
      for await (const item of log.follow(first, 0, { signal: over.signal, deltas: true }))
        if (item.kind === 'events') seen.push(...item.events.map(({ seq }) => seq));
    };
    const following = follow();
    const stop = new AbortController();
    const writers = [first, ...Array.from({ length: 9 }, newSession)].map((id) => appender(log, id, stop.signal));
    for (let round = 0; round < rounds; round++) {
      await pause(trouble.calmMs);
      await proxy.close(); // simulates the database's restart
      await pause(trouble.awayMs);
      await proxy.open();
      await pause(trouble.calmMs);
      for (const code of [shuttingDown, notPrimary]) {
        proxy.cause(/^(insert|update|find|delete|findAndModify) /, code, Number.POSITIVE_INFINITY);
        await pause(trouble.awayMs / 2);
        proxy.calm();
      }
    }
    await pause(trouble.calmMs);
    stop.abort();
    const written = await Promise.all(writers);
    for (const { sessionId, head } of written) {
      const found: number[] = [];
      for (let after = 0; after < head; after = found.at(-1) ?? head)
        found.push(...(await log.page(sessionId, after, 1_000)).events.map(({ seq }) => seq));
      expect(head).toBeGreaterThan(rounds);
      expect(found).toEqual(Array.from({ length: head }, (_, n) => n + 1));
    }
    await expect.poll(() => seen.length).toBe(written[0]?.head);
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, n) => n + 1));
    over.abort();
    await following;
  },
);
