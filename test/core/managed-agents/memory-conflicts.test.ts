import { expect, test } from 'vitest';
import { composedServer } from '../../support/servers/composed.ts';

test('a memory at a taken path, and a change of a stale memory, are conflicts with types of their own', async () => {
  await using server = await composedServer({ CORRAL_MANAGED_AGENTS: 'on' });
  const ask = async (path: string, body: object) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const answer = await fetch(`${server.url}/anthropic/v1/memory_stores${path}`, init);
    return (await answer.json()) as { id: string; error?: { type: string } };
  };
  const store = await ask('', { name: 'notes' });
  const memory = await ask(`/${store.id}/memories`, { path: '/a.md', content: 'one' });
  const taken = await ask(`/${store.id}/memories`, { path: '/a.md', content: 'two' });
  expect(taken.error?.type).toBe('memory_path_conflict_error');
  const precondition = { type: 'content_sha256', content_sha256: 'f'.repeat(64) };
  const stale = await ask(`/${store.id}/memories/${memory.id}`, { content: 'three', precondition });
  expect(stale.error?.type).toBe('memory_precondition_failed_error');
});
