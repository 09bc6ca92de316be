import { expect, test } from 'vitest';
import { formatElementLines, toNumberedElements } from '../../../../src/agents/browser/element-list.ts';

const scan = (document: string, ...ids: number[]) => ({
  document,
  elements: ids.map((id) => ({ id, tag: 'a', text: `link ${id}` })),
  more: 0,
});

test('elements are numbered from 0 in their order on the page', () =>
  expect(formatElementLines(scan('d', 7, 3), undefined)).toEqual(['0:<a>link 7</a>', '1:<a>link 3</a>']));

test('the list marks the elements that are new since the last view', () => {
  const before = toNumberedElements(scan('d', 1));
  expect(formatElementLines(scan('d', 1, 2), before)).toEqual(['0:<a>link 1</a>', '1:<a>link 2</a> [new]']);
});

test('the list of another page marks no element as new', () =>
  expect(formatElementLines(scan('e', 1, 2), toNumberedElements(scan('d', 1)))).toEqual([
    '0:<a>link 1</a>',
    '1:<a>link 2</a>',
  ]));

test('the list counts the elements that it leaves out', () =>
  expect(formatElementLines({ ...scan('d', 1), more: 4 }, undefined).at(-1)).toBe('… and 4 more on this screen'));
