// @module-tag nightly
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { memoryStore } from '../../../src/storage/memory/store.ts';
import { fence } from '../../support/clients/api.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { endSandboxes } from '../../support/sandboxes/ended-sandboxes.ts';
import { needs } from '../../support/servers/components.ts';
import { composeCore } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const signal = () => AbortSignal.timeout(60_000);

/** Two servers in this process that share one store, one folder and one Docker host. */
async function pair() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(temporaryFolder());
  const instance = `pair-${process.pid}`;
  await writeFile(join(path, 'instance'), instance); // a clean-up after a failed test finds its containers by this name
  stack.defer(() => endSandboxes(path));
  const store = memoryStore({ shared: true });
  const settings = {
    CORRAL_DRIVER: 'docker',
    CORRAL_REPLICAS_LEASE_SECONDS: '2',
    CORRAL_INSTANCE: instance,
    CORRAL_EGRESS_POLICY: 'allow-list',
    CORRAL_EGRESS_ALLOW: 'allowed.example.test',
  };
  const open = async () => stack.use(await composeCore(settings, path, { store }));
  const servers = [await open(), await open()] as const;
  const held = stack.move();
  const events = async (id: SessionId) => (await store.events.page(id, 0, 100_000)).events;
  return { servers, events, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

test('on one Docker host any server reads and writes the files, and egress moves with the session', async (context) => {
  await needs(context, 'docker');
  await using both = await pair();
  const [a, b] = both.servers;
  const { id } = await a.core.services.sessions.create({ origin: 'sheikhbox' });
  await a.core.services.files.write(id, 'note.md', 'from a', signal());
  expect((await b.core.services.files.read(id, 'note.md', signal())).toString()).toBe('from a');
  await b.core.services.files.write(id, 'other.md', 'from b', signal());
  expect((await a.core.services.files.read(id, 'other.md', signal())).toString()).toBe('from b');
  expect(b.core.engine.liveSessions.get(id), 'b is a guest only').toBeUndefined();

  const asks = async (from: typeof a, name: string) => {
    const text = `Ask\n${fence('sh', `curl -s -m 10 -o /dev/null -w '%{http_code}' http://${name}/`)}`;
    await from.core.services.sessions.send(id, { text, mode: 'queue' });
    const decided = async () =>
      (await both.events(id)).filter((event) => event.type === 'egress').map(({ data }) => data.host);
    await expect.poll(decided).toContain(name);
    await expect.poll(async () => (await from.core.services.sessions.get(id)).status).toBe('completed');
  };
  await asks(a, 'first.example.test');
  await a[Symbol.asyncDispose]();
  await asks(b, 'second.example.test');
  expect(b.core.engine.liveSessions.get(id)).toBeDefined();
  expect((await b.core.services.files.read(id, 'other.md', signal())).toString()).toBe('from b');

  const events = await both.events(id);
  expect(problemsOf(events)).toEqual([]);
  const denied = events.filter((event) => event.type === 'tool.called').map(({ data }) => data.output);
  expect(denied).toEqual(['403', '403']);
  const phases = events.flatMap((event) => (event.type === 'sandbox.phase' ? [event.data.phase] : []));
  expect(phases.filter((phase) => phase === 'lost')).toEqual([]); // the sandbox stayed the same
  await b.core.services.sessions.delete(id);
});
