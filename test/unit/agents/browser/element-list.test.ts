import { expect, test } from 'vitest';
import { formatElementLines, toElementSnapshot } from '../../../../src/agents/browser/element-list.ts';

const scan = (document: string, ...ids: number[]) => ({
  document,
  elements: ids.map((id) => ({ id, tag: 'a', text: `link ${id}` })),
  more: 0,
});

const before = toElementSnapshot(scan('d', 1));
test.each([
  ['numbers elements from 0 in their order on the page', scan('d', 7, 3), undefined, ['link 7</a>', 'link 3</a>']],
  ['marks those that are new since the last view', scan('d', 1, 2), before, ['link 1</a>', 'link 2</a> [new]']],
  ['of another page marks no element as new', scan('e', 1, 2), before, ['link 1</a>', 'link 2</a>']],
])('the list %s', (_, seen, last, expected) =>
  expect(formatElementLines(seen, last)).toEqual(expected.map((line, n) => `${n}:<a>${line}`)),
);

test('the list counts the elements that it leaves out', () =>
  expect(formatElementLines({ ...scan('d', 1), more: 4 }, undefined).at(-1)).toBe('… and 4 more on this screen'));
