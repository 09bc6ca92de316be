import { expect, test } from 'vitest';
import { RecordWatcher } from '../../../src/core/contracts/changed-records.ts';
import type { StoredRecord } from '../../../src/core/contracts/ports.ts';

const record = (id: string, version: number): StoredRecord => ({ id, version, doc: {} });

test('where a store finds changes by an index, a follower lists nothing, and sees no change twice', async () => {
  const requests: unknown[] = [];
  const answers = [
    { records: [record('a', 1), record('b', 1)], gone: [], mark: 5 },
    { records: [record('b', 1), record('a', 2)], gone: ['c'], mark: 7 },
    { records: [record('a', 2)], gone: ['b', 'c'], mark: 7 },
  ];
  const changes = async (kind: string, mark?: unknown) => {
    requests.push(`${kind} ${mark}`);
    return answers[requests.length - 1] ?? expect.unreachable();
  };
  const news = new RecordWatcher({ list: () => expect.unreachable(), changes }, 'k');
  const seen: unknown[] = [];
  for (const _ of answers) {
    const { changed, gone } = await news.next();
    seen.push({ changed: changed.map(({ id }) => id), gone });
  }
  expect(requests).toEqual(['k undefined', 'k 5', 'k 7']);
  const expected = [
    { changed: ['a', 'b'], gone: [] },
    { changed: ['a'], gone: [] },
    { changed: [], gone: ['b'] },
  ];
  expect(seen).toEqual(expected);
});
