import { describe, expect, test } from 'vitest';
import { eventLaneOf, eventSummaryOf, type TimelineLane } from '../../../../src/core/model/event-traits.ts';
import { findTurnAt, toTimelineColumns } from '../../../../src/web/work/timeline/lanes.ts';
import { advanceReplay, findReplayPosition, maxReplayPauseMs } from '../../../../src/web/work/timeline/replay.ts';

type Event = Parameters<typeof findTurnAt>[0][number];
const event = (type: string, data: object = {}) =>
  ({ type, data, seq: 1, ts: 0, runId: null, sessionId: 's' }) as Event;

describe('the lanes', () => {
  test('of 100,000 events are a few hundred columns', () => {
    const kinds = Array.from({ length: 100_000 }, (_, at): TimelineLane => (at % 10 === 0 ? 'tool' : 'model'));
    const columns = toTimelineColumns(kinds, 240);
    expect(columns.length).toBeLessThanOrEqual(240);
    expect(columns[0]?.heights).toMatchObject({ model: expect.closeTo(1, 1), person: 0 });
  });

  test('of a short log have one column for each event', () => {
    const columns = toTimelineColumns(['person', 'tool'], 240);
    expect(columns.map(({ heights }) => [heights.person, heights.tool])).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  test('set failures apart', () => {
    const failed = [
      event('tool.called', { success: false }),
      event('run.end', { status: 'failed' }),
      event('egress', { decision: 'refused' }),
    ];
    expect(failed.map(eventLaneOf)).toEqual(['problem', 'problem', 'problem']);
    expect(eventLaneOf(event('tool.called', { success: true }))).toBe('tool');
  });
});

describe('a replay', () => {
  const log = [0, 1_000, 1_500, 9_000_000].map((ts) => ({ ts }));
  const start = { shown: 1, waitedMs: 0 };

  test('shows events at their pace, times the speed', () => {
    expect(advanceReplay(log, start, 999, 1)).toEqual({ shown: 1, waitedMs: 999 });
    expect([advanceReplay(log, start, 1_000, 1).shown, advanceReplay(log, start, 375, 4)]).toEqual([
      2,
      { shown: 3, waitedMs: 0 },
    ]);
    expect(advanceReplay(log, start, 100, 16).shown).toBe(3);
  });

  test('cuts a long pause short, and stops at the end', () => {
    expect(advanceReplay(log, { shown: 3, waitedMs: 0 }, maxReplayPauseMs - 1, 1).shown).toBe(3);
    expect(advanceReplay(log, { shown: 3, waitedMs: 0 }, maxReplayPauseMs, 1)).toEqual({ shown: 4, waitedMs: 0 });
    expect(advanceReplay(log, { shown: 4, waitedMs: 0 }, 60_000, 16).shown).toBe(4);
  });

  test('jumps to the next call and the one before', () => {
    const types = ['message.user', 'tool.calling', 'tool.called', 'tool.calling'].map((type) => ({ type }));
    const is = ({ type }: { type: string }) => type === 'tool.calling';
    expect([findReplayPosition(types, 1, { by: 1, is }), findReplayPosition(types, 2, { by: 1, is })]).toEqual([2, 4]);
    expect([findReplayPosition(types, 4, { by: -1, is }), findReplayPosition(types, 4, { by: 1, is })]).toEqual([
      2,
      undefined,
    ]);
  });
});

test('a place belongs to the turn of the model that is under way there', () => {
  const log = [
    ...[event('run.started'), event('message.delta'), event('usage', { turn: 1 }), event('tool.called')],
    ...[event('usage', { turn: 2 }), event('run.end'), event('message.user')],
  ];
  expect([1, 2, 3, 4, 5, 6, 7].map((shown) => findTurnAt(log, shown))).toEqual([1, 1, 1, 2, 2, 2, 2]);
  expect(findTurnAt([event('message.user')], 1)).toBeUndefined();
});

test('an event has one line of words, also when its text has many', () => {
  expect(eventSummaryOf(event('message.user', { text: 'one\n\n two' }))).toBe('one two');
  expect(eventSummaryOf(event('tool.calling', { function: 'shell_exec', args: { command: 'ls\n-la' } }))).toBe(
    'shell_exec ls -la',
  );
  expect(eventSummaryOf(event('egress', { decision: 'refused', host: 'a.b', port: 443, rule: 'none' }))).toBe(
    'refused a.b:443 (none)',
  );
});
