import { describe, expect, test } from 'vitest';
import { computeProgressHistorySize, explainStuckRun, type ProgressEntry } from '../../../machines/stuck.ts';
import { runPolicy } from '../../support/machines/machines.ts';

const policy = runPolicy.stuck;
const call = (action: string, result: string, failed = false): ProgressEntry => ({
  kind: 'call',
  action,
  result,
  failed,
});
const text = (digest: string): ProgressEntry => ({ kind: 'text', text: digest });
const times = (count: number, ...acts: ProgressEntry[]): ProgressEntry[] =>
  Array.from({ length: count }, () => acts).flat();

describe('F083 stuck', () => {
  test.each<[string, ProgressEntry[], RegExp]>([
    ['the same action with the same result, 4 times', times(4, call('ls', 'a')), /same action/],
    ['the same error 3 times, whatever the action', ['a', 'b', 'c'].map((it) => call(it, 'no', true)), /same error/],
    ['two actions in turn, 6 calls long', times(3, call('a', '1'), call('b', '2')), /alternated/],
    ['the same text 3 times', times(3, text('hm')), /same text/],
  ])('is: %s; one less is not', (_, acts, reason) => {
    expect(explainStuckRun(acts, policy)).toMatch(reason);
    expect(explainStuckRun(acts.slice(1), policy)).toBeUndefined();
  });

  test.each<[string, ProgressEntry[]]>([
    ['the same action with new results', ['1', '2', '3', '4'].map((it) => call('poll', it))],
    ['the same result of other actions', ['a', 'b', 'c', 'd'].map((it) => call(it, 'ok'))],
    ['other errors', ['1', '2', '3'].map((it) => call('a', it, true))],
    ['an old repetition that something new ended', [...times(4, call('ls', 'a')), call('cat', 'b')]],
    ['a text between the calls', [...times(3, call('ls', 'a')), text('hm'), call('ls', 'a')]],
    ['nothing yet', []],
  ])('is not: %s', (_, acts) => expect(explainStuckRun(acts, policy)).toBeUndefined());

  test('the limits are those of the policy', () =>
    expect(explainStuckRun(times(2, call('ls', 'a')), { ...policy, sameResult: 2 })).toMatch(/2 times/));

  test('so many acts are remembered as the longest rule looks at', () =>
    expect(computeProgressHistorySize(policy)).toBe(30));
});
