import { expect, test } from 'vitest';
import type { TurnRequest } from '../../../../src/agents/models/model.ts';
import { systemClock } from '../../../../src/core/contracts/clock.ts';
import type { AppendRequest, Store } from '../../../../src/core/contracts/ports.ts';
import { readRecordedRequest } from '../../../../src/sessions/run/log/request-at.ts';
import {
  collectRequestNotes,
  computeUnchainedRequestHash,
  StoredRequest,
  upgradeStoredRequests,
} from '../../../../src/sessions/run/log/stored-request.ts';
import { TurnBudget } from '../../../../src/sessions/run/turn-budget.ts';
import { runTurn } from '../../../../src/sessions/run/turns/turn.ts';
import { smallModel } from '../../../support/agents/small-model.ts';
import { exampleTurn, messageId, scribeBench, sessionId } from '../../../support/machines/session-parts.ts';

const { signal } = new AbortController();
const prefix = { idPrefix: `${sessionId}:` };
const sizeOf = (value: unknown) => JSON.stringify(value).length;

/** Turns of one long run, each with a new note; resolves with what each turn appended. */
async function longSession(store: Store, turns: number) {
  await store.events.erase(sessionId);
  const appended: AppendRequest[] = [];
  const counted = {
    ...store,
    events: {
      ...store.events,
      append: (it: AppendRequest) => store.events.append(appended[appended.push(it) - 1] ?? it),
    },
  };
  const { runWriter } = scribeBench({}, { store: counted });
  const model = smallModel(() => [
    { type: 'text', delta: 'Well, that is done.' },
    { type: 'end', outcome: { kind: 'finished', stop: 'done', usage: { inputTokens: 10, outputTokens: 2 } } },
  ]);
  const costs: { rows: number; bytes: number }[] = [];
  runWriter.hear({ messageId: messageId(1), text: 'Do it.' });
  for (let n = 100; n < 100 + turns; n++) {
    appended.length = 0;
    const turn = await runTurn(
      { model, runWriter, budget: new TurnBudget() },
      { ...exampleTurn, note: `Step ${n}: go on` },
      signal,
    );
    if (turn.ok) await runWriter.write(...turn.facts);
    const writes = appended.flatMap(({ facts, puts = [] }) => [...facts, ...puts]);
    costs.push({ rows: writes.length, bytes: writes.reduce((sum, it) => sum + sizeOf(it), 0) });
  }
  return { costs, requested: model.requests };
}

export function requestContract(store: () => Store): void {
  const recorded = async () => {
    const { records } = store();
    return (await records.list('request', prefix)).map(({ id, doc }) => ({ id, doc: StoredRequest.parse(doc) }));
  };

  test('the 20th turn of a session stores no more than the tenth', async () => {
    const { costs, requested } = await longSession(store(), 20);
    const [tenth, last] = [costs[9], costs[19]];
    expect(last?.rows).toBe(tenth?.rows);
    expect(last?.bytes).toBeLessThan(1.05 * (tenth?.bytes ?? 0)); // numbers have more digits
    const { cacheKey: _, ...request } = requested[19] as TurnRequest;
    expect(request.earlier).toHaveLength(19);
    expect(await readRecordedRequest(store().records, sessionId)).toMatchObject({ turn: 20, proved: true, request });
  });

  test('requests of older versions are shortened, and still show what the model saw', async () => {
    const { records } = store();
    await longSession(store(), 13);
    const all = await recorded();
    const recordOf = (turn: number) => all.find(({ doc }) => doc.turn === turn)?.doc;
    for (const { id, doc } of all) {
      const { notes: _, chained: _chained, pictures = {}, ...rest } = doc;
      const { turn, runId: _run, model: _model, requestHash: _hash, from: _from, ...frame } = rest;
      const { request } = await readRecordedRequest(records, sessionId, turn);
      const { messages, earlier = [] } = request;
      const placed = collectRequestNotes(doc, recordOf);
      const requestHash = computeUnchainedRequestHash(frame, { messages, earlier, pictures });
      const old = { ...rest, pictures, requestHash, ...(placed.length > 0 && { earlier: placed }) };
      await records.put({ kind: 'request', id, doc: old, sort: turn });
    }
    const seen = () => Promise.all([1, 2, 7, 13].map((turn) => readRecordedRequest(records, sessionId, turn)));
    const before = await seen();
    expect(before.map(({ proved }) => proved)).toEqual([true, true, true, true]);
    const long = (await recorded()).map(({ doc }) => sizeOf(doc));
    await records.delete('server', 'request-notes');

    await upgradeStoredRequests(records, systemClock, signal);
    expect(await seen()).toEqual(before);
    const short = (await recorded()).map(({ doc }) => sizeOf(doc));
    expect(long[0]).toBeGreaterThan(2 * (short[0] ?? 0));
    expect(Math.max(...short) - Math.min(...short.slice(0, -2))).toBeLessThan(50);
    await store().events.erase(sessionId);
  });
}
