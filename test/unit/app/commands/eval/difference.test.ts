import { expect, test } from 'vitest';
import { compareReplies } from '../../../../../src/app/commands/eval/difference.ts';

const said = (text: string) => ({ text, calls: [] });
const called = (...calls: [string, unknown][]) => ({
  text: 'any',
  calls: calls.map(([name, args], n) => ({ callId: `${n}`, name, args })),
});

test.each([
  ['the same words, but for white space', said('All  done\n'), said('All done'), 'none'],
  ['other words', said('Done'), said('Not done'), 'text'],
  ['words instead of a call', said('Done'), called(['a', {}]), 'kind'],
  [
    'the same calls, whatever is said beside them',
    called(['a', { x: 1, y: 2 }]),
    { ...called(['a', { y: 2, x: 1 }]), text: '' },
    'none',
  ],
  ['another argument', called(['a', { x: 1 }]), called(['a', { x: 2 }]), 'arguments'],
  ['another tool', called(['a', {}]), called(['b', {}]), 'tools'],
  ['one call more', called(['a', {}]), called(['a', {}], ['a', {}]), 'tools'],
] as const)('%s', (_what, one, other, difference) => expect(compareReplies(one, other)).toBe(difference));
