import { expect, test } from 'vitest';
import { call } from '../../support/clients/call.ts';
import { composedServer } from '../../support/servers/composed.ts';

test('a memory at a taken path, and a change of a stale memory, are conflicts with types of their own', async () => {
  await using server = await composedServer({ CORRAL_MANAGED_AGENTS: 'on' });
  const ask = async (path: string, body: object) =>
    (await call('POST', `${server.url}/anthropic/v1/memory_stores${path}`, { body })).body;
  const store = await ask('', { name: 'notes' });
  const memory = await ask(`/${store.id}/memories`, { path: '/a.md', content: 'one' });
  const taken = await ask(`/${store.id}/memories`, { path: '/a.md', content: 'two' });
  expect(taken.error?.type).toBe('memory_path_conflict_error');
  const precondition = { type: 'content_sha256', content_sha256: 'f'.repeat(64) };
  const stale = await ask(`/${store.id}/memories/${memory.id}`, { content: 'three', precondition });
  expect(stale.error?.type).toBe('memory_precondition_failed_error');
});
