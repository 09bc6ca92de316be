import { expect, test } from 'vitest';
import { computeFuzzyScore, rankMatches } from '../../../../src/web/conversation/completion/fuzzy.ts';
import {
  findMentionedPaths,
  findTriggerAt,
  replaceTrigger,
} from '../../../../src/web/conversation/completion/trigger.ts';

const best = (names: readonly string[], expected: string) =>
  rankMatches(names, expected, { nameOf: (name) => name, max: 10 });

test('a file is found by some of its letters, in their order', () => {
  expect(computeFuzzyScore('src/web/work/pane.tsx', 'wrkpn')).toBeDefined();
  expect(computeFuzzyScore('src/web/work/pane.tsx', 'npkrw')).toBeUndefined();
  expect(best(['a/Übersicht.md', 'b.md'], 'ubers')).toEqual(['a/Übersicht.md']);
});

test('a name that begins with the letters comes before one that has them apart, and the name before its folder', () => {
  expect(best(['app/x.ts', 'lib/a-p-p.ts', 'src/app.ts', 'src/myapp.ts'], 'app')).toEqual([
    ...['src/app.ts', 'app/x.ts', 'src/myapp.ts', 'lib/a-p-p.ts'],
  ]);
  expect(best(['b', 'a'], '')).toEqual(['b', 'a']);
});

test('a very long word is compared in little time', () => {
  const name = `${'ab'.repeat(2_000)}`;
  expect(best(Array(2_000).fill(name), 'ba'.repeat(5_000))).toHaveLength(10);
});

test('a command is completed at the beginning of a message only, a file at the beginning of any word', () => {
  expect(findTriggerAt('/mo', 3)).toEqual({ kind: '/', word: 'mo', from: 0, to: 3 });
  expect([findTriggerAt('/etc/hosts', 10), findTriggerAt('see /mo', 7)]).toEqual([undefined, undefined]);
  expect(findTriggerAt('see @src/a then', 10)).toEqual({ kind: '@', word: 'src/a', from: 4, to: 10 });
  expect(findTriggerAt('a@b.example', 11)).toBeUndefined();
  expect(findTriggerAt('Größe (@ü', 9)).toEqual({ kind: '@', word: 'ü', from: 7, to: 9 });
});

test('the chosen word takes the place of its beginning, and the cursor stands behind it', () => {
  const trigger = findTriggerAt('see @ap and', 7);
  const expected = { text: 'see @src/app.ts and', cursor: 16 };
  expect(trigger && replaceTrigger('see @ap and', trigger, '@src/app.ts')).toEqual(expected);
});

test('only files that a text names by @ are attached', () => {
  const paths = ['a.ts', 'my file.md', 'b.ts', 'c.ts'];
  const expected = ['a.ts', 'my file.md', 'b.ts'];
  expect(findMentionedPaths('Read @a.ts, (@b.ts) and @my file.md; not c.ts or x@c.ts', paths)).toEqual(expected);
});
