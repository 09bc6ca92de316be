import { expect, test } from 'vitest';
import { SessionId } from '../../../../src/core/model/ids.ts';
import {
  defaultEgressLimits,
  type EgressDecision,
  SessionEgressState,
} from '../../../../src/sandboxes/egress/session-state.ts';
import { ManualClock } from '../../../support/machines/manual-clock.ts';

const sessionId = SessionId.parse('0123456789abcdef');
const allowed = { host: 'a.example.test', port: 443, decision: 'allowed', rule: 'web' } as const;

function start() {
  const clock = new ManualClock(1_000_000);
  const reports: EgressDecision[] = [];
  const onDecision = (_: SessionId, decision: EgressDecision) => void reports.push(decision);
  const state = new SessionEgressState({ clock, limits: defaultEgressLimits, sessionId, onDecision });
  return { clock, reports, state };
}

test('a decision is reported immediately, its repeats within a minute are not', () => {
  const { clock, reports, state } = start();
  for (let second = 0; second < 60; second += 1) {
    state.tell({ ...allowed });
    clock.advance(1_000);
  }
  expect(reports).toEqual([allowed]);
  state.tell(allowed);
  expect(reports).toEqual([allowed, allowed]);
});

test('what a browser calls by itself is not reported when refused, and is reported when allowed', () => {
  const { reports, state } = start();
  const own = { ...allowed, host: 'update.googleapis.com' };
  state.tell({ ...own, decision: 'refused', rule: 'not listed' });
  expect(reports).toEqual([]);
  state.tell(own);
  expect(reports).toEqual([own]);
});

test.each([
  { ...allowed, host: 'b.example.test' },
  { ...allowed, port: 80 },
  { ...allowed, decision: 'refused', rule: 'private address' } as const,
])('another host, port or decision is no repeat: %j', (other) => {
  const { reports, state } = start();
  state.tell(allowed);
  state.tell(other);
  expect(reports).toEqual([allowed, other]);
});

test('a flood of different targets is reported as one line a minute beyond the first 120', () => {
  const { clock, reports, state } = start();
  const flood = () => {
    for (let n = 0; n < 5_000; n += 1) state.tell({ ...allowed, host: `h${n}.example.test` });
  };
  flood();
  expect(reports).toHaveLength(121);
  expect(reports.at(-1)).toMatchObject({ host: '*', rule: expect.stringContaining('more than 120') });
  clock.advance(60_000);
  flood();
  expect(reports).toHaveLength(242);
});

test('a session is forgotten after an hour without use, not before and not while connected', () => {
  const { clock, state } = start();
  state.count(1);
  clock.advance(3_599_999);
  expect(state.forgettable).toBe(false);
  clock.advance(1);
  expect(state.forgettable).toBe(true);
  state.connections.add({} as never);
  expect(state.forgettable).toBe(false);
});
