import { expect, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { toAppendDocuments } from '../../../src/storage/mongo/documents.ts';
import { facts, newSession } from '../../support/stores/store.ts';

test('the limit of an append is in bytes, not in characters', () => {
  const append = { sessionId: SessionId.parse(newSession()), after: 0, at: 1, facts: facts(1) };
  const build = (doc: string) => toAppendDocuments(append, [{ kind: 'note', id: 'a', doc, sort: 0 }], 'b');
  expect([build('x'.repeat(7_000_000)), build('語'.repeat(3_900_000))].map(({ length }) => length)).toEqual([1, 1]);
  expect(() => build('語'.repeat(7_000_000))).toThrow('more than the store accepts');
});
