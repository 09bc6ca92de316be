import { expect, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { toAppendDocuments } from '../../../src/storage/mongo/documents.ts';
import { facts, newSession } from '../../support/stores/store.ts';

test.each([
  ['x', 7_000_000, false],
  ['語', 3_900_000, false],
  ['語', 7_000_000, true],
])('an append of the letter %s, %i times, counts in bytes: too large is %s', (letter, count, isTooLarge) => {
  const put = { kind: 'note', id: 'a', doc: letter.repeat(count), sort: 0 };
  const append = { sessionId: SessionId.parse(newSession()), after: 0, at: 1, facts: facts(1) };
  const build = () => toAppendDocuments(append, [put], 'b');
  if (isTooLarge) expect(build).toThrow('more than the store accepts');
  else expect(build()).toHaveLength(1);
});
