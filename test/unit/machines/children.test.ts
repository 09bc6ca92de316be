import { expect, test } from 'vitest';
import { type Children, childOf, childrenIn, withChild, withoutChild } from '../../../machines/children.ts';

const ids = Array.from({ length: 600 }, (_, n) => `session-${n}`);
const all = ids.reduce<Children<string>>((children, id) => withChild(children, id, `of ${id}`), {});

test('each child is found by its id, and no other', () => {
  expect(ids.map((id) => childOf(all, id))).toEqual(ids.map((id) => `of ${id}`));
  expect(childOf(all, 'session-600')).toBeUndefined();
  expect(
    childrenIn(all)
      .map(([id]) => id)
      .sort(),
  ).toEqual([...ids].sort());
});

test('a child can be replaced, and the children before stay as they were', () => {
  const changed = withChild(all, 'session-7', 'another');
  expect(childOf(changed, 'session-7')).toBe('another');
  expect(childOf(all, 'session-7')).toBe('of session-7');
  expect(childrenIn(changed)).toHaveLength(600);
});

test('when the last child has left, nothing is left', () => {
  const some = withoutChild(all, 'session-7');
  expect([childOf(some, 'session-7'), childrenIn(some).length]).toEqual([undefined, 599]);
  expect(ids.reduce(withoutChild, all)).toEqual({});
  expect(withoutChild({}, 'session-7')).toEqual({});
});
