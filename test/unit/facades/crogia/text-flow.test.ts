import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { MessageId, RunId, SessionId } from '../../../../src/core/model/ids.ts';
import {
  type ClientProfile,
  readTextDeliveryState,
  TextDeliveryTracker,
} from '../../../../src/facades/shared/conversation/text-flow.ts';
import { fact } from '../../../support/machines/session-parts.ts';

const sessionId = SessionId.parse('5f2a0c9be41d7733');
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const run = (n: number) => RunId.parse(uuid(n));
const message = (n: number) => MessageId.parse(uuid(n));

const delta = (runN: number, n: number, text: string): SessionFact =>
  fact('message.delta', { messageId: message(n), text }, run(runN));
const whole = (runN: number, n: number, text: string): SessionFact =>
  fact('message.assistant', { messageId: message(n), text, attachments: [] }, run(runN));
const started = (runN: number): SessionFact =>
  fact('run.started', { task: 't', messageId: message(900 + runN) }, run(runN));
const step: SessionFact = { type: 'step', runId: run(1), data: { id: '1', description: 'd', status: 'running' } };

const numbered = (facts: readonly SessionFact[]): SessionEvent[] =>
  facts.map((fact, n) => ({ ...fact, seq: n + 1, sessionId, ts: 0 }));

/** The text that a client has after these events, if it joins the deltas and messages. */
function joined(flow: TextDeliveryTracker, events: readonly SessionEvent[]): string {
  let text = '';
  for (const event of events) {
    const how = flow.next(event);
    if (how === 'skip' || (event.type !== 'message.delta' && event.type !== 'message.assistant')) continue;
    text += (how === 'parted' ? '\n\n' : '') + event.data.text;
  }
  return text;
}
const fresh = (profile: ClientProfile) => new TextDeliveryTracker(profile, { seq: 0, open: null, spoken: null });
const pages = (events: readonly SessionEvent[]) => ({
  page: async (_id: SessionId, after: number, limit: number) => ({
    events: events.filter(({ seq }) => seq > after).slice(0, limit),
    head: events.at(-1)?.seq ?? 0,
    thinned: 0,
    trimmed: 0,
  }),
});

const crogiaText = 'Working\n\nNo deltas\n\nDAgain';
const log = numbered([
  started(1),
  delta(1, 1, 'Work'),
  delta(1, 1, 'ing'),
  whole(1, 1, 'Working'),
  step,
  whole(1, 2, 'No deltas'),
  delta(1, 3, 'D'),
  whole(1, 3, 'D'),
  started(2),
  delta(2, 4, 'Again'),
  whole(2, 4, 'Again'),
]);

const bare = log.filter(({ type }) => type !== 'message.delta');
test.each<[string, ClientProfile, SessionEvent[], string]>([
  ['crogia: deltas; whole texts without deltas; blank lines between texts', 'crogia', log, crogiaText],
  ['cambioml: each message whole, once, and nothing before it', 'cambioml', log, 'WorkingNo deltasDAgain'],
  ['crogia without the first deltas of a message: in full', 'crogia', log.filter(({ seq }) => seq !== 2), crogiaText],
  ['crogia without any deltas: in full', 'crogia', bare, crogiaText],
])('%s', (_, profile, events, text) => expect(joined(fresh(profile), events)).toBe(text));

test('a client that had all deltas of a message gets it no second time, though they are gone since', async () => {
  const flow = new TextDeliveryTracker('crogia', await readTextDeliveryState(pages(bare), sessionId, 3));
  const rest = bare.filter(({ seq }) => seq > 3);
  expect(joined(flow, rest)).toBe('\n\nNo deltas\n\nDAgain');
});

test('the last text is found behind more events than fit in a page', async () => {
  const long = numbered([started(1), whole(1, 1, 'First'), ...Array.from({ length: 450 }, () => step)]);
  expect(await readTextDeliveryState(pages(long), sessionId, 452)).toEqual({ seq: 452, open: null, spoken: run(1) });
  const silent = numbered([whole(1, 1, 'Before'), started(2), ...Array.from({ length: 450 }, () => step)]);
  expect(await readTextDeliveryState(pages(silent), sessionId, 452)).toEqual({ seq: 452, open: null, spoken: null });
});

test('however a log is made and cut, no text is lost or sent twice', async () => {
  const messages = fc.array(
    fc.record({ run: fc.integer({ min: 1, max: 3 }), deltas: fc.integer({ min: 0, max: 4 }) }),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(
      messages,
      fc.nat(),
      fc.constantFrom<ClientProfile>('crogia', 'cambioml'),
      async (expected, where, profile) => {
        const ordered = expected.toSorted((a, b) => a.run - b.run);
        const facts = ordered.flatMap(({ run: runN, deltas }, n) => [
          ...(runN === ordered[n - 1]?.run ? [] : [started(runN)]),
          ...Array.from({ length: deltas }, (_, i) => delta(runN, n, `${n}.${i} `)),
          whole(runN, n, Array.from({ length: deltas }, (_, i) => `${n}.${i} `).join('') || `${n}`),
        ]);
        const events = numbered(facts);
        const cut = where % (events.length + 1);
        const all = joined(fresh(profile), events);
        const resumed = new TextDeliveryTracker(profile, await readTextDeliveryState(pages(events), sessionId, cut));
        expect(joined(fresh(profile), events.slice(0, cut)) + joined(resumed, events.slice(cut))).toBe(all);
        const texts = ordered.map(({ deltas }, n) =>
          deltas > 0 ? Array.from({ length: deltas }, (_, i) => `${n}.${i} `).join('') : `${n}`,
        );
        expect(all.replaceAll('\n\n', '')).toBe(texts.join(''));
      },
    ),
  );
});
