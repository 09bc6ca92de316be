import { expect } from 'vitest';
import type { RecordListOptions, RecordStore } from '../../../src/core/contracts/ports.ts';

const skill = (id: string, more: object) => ({ kind: 'skill', id, doc: { name: 'pdf', shared: false, ...more } });

/** Records as the stores had them before they indexed owners, sharing and names. */
export const recordsBeforeIndex: readonly { readonly kind: string; readonly id: string; readonly doc: unknown }[] = [
  { kind: 'session', id: '0123456789abcdef', doc: { owner: 'ann', status: 'waiting', agent: { owner: 'bob' } } },
  { kind: 'session', id: '3123456789abcdef', doc: { owner: 'eve', status: 'completed', projectId: 'p1' } },
  { kind: 'work-item', id: '0123456789abcdef', doc: { environmentId: 'env_1' } },
  { kind: 'session', id: '1123456789abcdef', doc: { status: 'waiting', deleting: false, title: 'its "owner":"ann"' } },
  { kind: 'session', id: '2123456789abcdef', doc: { owner: null, status: 'waiting', deleting: true } },
  { kind: 'automation', id: 'a1', doc: { owner: 'ann', shared: true, after: { of: 'session' } } },
  { kind: 'automation', id: 'a2', doc: { owner: 'ann', shared: false, after: null } },
  { kind: 'webhook', id: 'w1', doc: { owner: "o'neil \u00e9" } },
  { kind: 'environment-key', id: 'k1', doc: { environmentId: 'env_1' } },
  { kind: 'template-build', id: 'b1', doc: { templateId: 't1', owner: 'ann' } },
  { kind: 'large', id: '0123456789abcdef:b', doc: { at: 1, seq: 2 } },
  { kind: 'file', id: 'nobody:f1', doc: { projectId: null, name: 'a.txt', owner: 'ann' } },
  { kind: 'text', id: 'x', doc: 'owner' },
  skill('s1', { owner: 'ann' }),
  skill('s2', { owner: 'ann' }), // left behind by a crash
  skill('s3', { owner: 'ann', shared: true }),
  skill('s4', {}),
  { kind: 'skill-name', id: 'ann:pdf', doc: { id: 's1' } },
  { kind: 'skill-name', id: 'ann:gone', doc: { id: 's9' } }, // a name without its skill
];

export async function expectIndexed(records: RecordStore): Promise<void> {
  const found = async (kind: string, options: RecordListOptions) =>
    (await records.list(kind, options)).map(({ id }) => id).sort();
  expect(await found('session', { owner: 'ann' })).toEqual(['0123456789abcdef']);
  expect(await records.count('session', { owner: null })).toBe(2);
  expect(await found('session', { state: 'waiting' })).toEqual(['0123456789abcdef', '1123456789abcdef']);
  expect(await records.count('session', { state: 'deleting' })).toBe(1);
  expect(await found('session', { parent: 'p1' })).toEqual(['3123456789abcdef']);
  expect(await found('work-item', { parent: 'env_1' })).toEqual(['0123456789abcdef']);
  expect(await found('automation', { state: 'after' })).toEqual(['a1']);
  expect(await found('automation', { shared: true })).toEqual(['a1']);
  expect(await found('webhook', { owner: "o'neil \u00e9" })).toEqual(['w1']);
  expect(await found('environment-key', { owner: 'env_1' })).toEqual(['k1']);
  expect(await found('template-build', { owner: 'ann' })).toEqual(['b1']);
  expect(await found('file', { owner: 'ann' })).toEqual(['nobody:f1']);
  expect(await found('large', { state: 'unchecked' })).toEqual(['0123456789abcdef:b']);
  expect(await found('skill', { owner: 'ann' })).toEqual(['s1', 's2', 's3']);
  expect([await found('skill', { shared: true }), await records.count('skill-name')]).toEqual([['s3'], 0]);
  const create = (id: string, doc: object) => records.put({ kind: 'skill', id, doc, expect: 0 });
  for (const taken of [{ owner: 'ann' }, { owner: 'eve', shared: true }, {}])
    await expect(create('s5', { name: 'pdf', ...taken })).rejects.toMatchObject({ code: 'conflict' });
  await create('s5', { name: 'gone', owner: 'ann' });
  expect((await records.list('text')).map(({ doc }) => doc)).toEqual(['owner']);
}
