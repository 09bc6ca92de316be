import { expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { RunId, SessionId } from '../../../../src/core/model/ids.ts';
import {
  hasStreamEnded,
  isStreamEnd,
  type StreamBounds,
} from '../../../../src/facades/compat/sheikhbox/stream/stream-end.ts';

const id = SessionId.parse('0123456789abcdef');
const run = (n: number) => RunId.parse(`00000000-0000-4000-8000-00000000000${n}`);
const done = (n: number): SessionFact => ({
  type: 'run.end',
  runId: run(n),
  data: { status: 'completed', reason: 'completed', task: '' },
});
const title: SessionFact = { type: 'title', runId: run(1), data: { title: 'T' } };
const logOf = (...facts: SessionFact[]) => {
  const events: SessionEvent[] = facts.map((fact, n) => ({ ...fact, seq: n + 1, sessionId: id, ts: 0 }));
  return {
    page: async (_id: SessionId, after: number, limit: number) => ({
      events: events.filter(({ seq }) => seq > after).slice(0, Math.min(limit, 2)),
      head: events.length,
      thinned: 0,
      trimmed: 0,
    }),
    at: (seq: number) => events[seq - 1] as SessionEvent,
  };
};
const plan = (until: StreamBounds['until'], last: number | null = null): StreamBounds => ({ after: 0, until, last });

test.each<[string, StreamBounds, (number | false)[]]>([
  ['of that run, later than the message', plan({ after: 2, runId: run(1) }), [4]],
  ['of whichever run, when none is named', plan({ after: 0, runId: null }), [2, 3, 4]],
  ['the last event, when nothing runs', plan({ after: 4, runId: null }, 1), [1, 2, 3, 4]],
])('a stream ends with the first end %s', (_name, input, ends) => {
  const log = logOf(title, done(1), done(2), done(1));
  expect([1, 2, 3, 4].filter((seq) => isStreamEnd(log.at(seq), input))).toEqual(ends);
});

test('an end before the place where a stream begins is found, over many pages', async () => {
  const log = logOf(title, title, title, title, title, done(1), title);
  const input = plan({ after: 1, runId: run(1) });
  expect([await hasStreamEnded(log, id, input, 7), await hasStreamEnded(log, id, input, 6)]).toEqual([true, true]);
  expect(await hasStreamEnded(log, id, input, 5)).toBe(false);
  expect(await hasStreamEnded(log, id, plan({ after: 6, runId: run(1) }), 7)).toBe(false);
  expect(await hasStreamEnded(log, id, plan({ after: 1, runId: run(2) }), 99)).toBe(false);
});
