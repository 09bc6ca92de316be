import { describe, expect, test } from 'vitest';
import { Outbox } from '../../../src/automations/webhooks/outbox.ts';
import { ResourceNews } from '../../../src/automations/webhooks/resource-news.ts';
import { documentService } from '../../../src/sessions/documents/document-service.ts';
import { memoryStoreService } from '../../../src/sessions/memory/stores.ts';
import { begin, ids, spec, webhookWorld } from '../../support/automations/webhook-world.ts';

describe('a change of what programs keep', () => {
  async function keeping() {
    const it = await webhookWorld();
    const outbox = new Outbox(it.store.records);
    const { clock } = it;
    const news = new ResourceNews({ outbox, clock, warn: (about) => expect.unreachable(JSON.stringify(about)) });
    const parts = { records: it.store.records, clock, ids };
    const [documents, stores] = [news.documents(documentService(parts)), news.memoryStores(memoryStoreService(parts))];
    async function told() {
      for (let rounds = 0; rounds < 5; rounds++) await it.round(); // one round sends an endpoint four at most
      return it.received.splice(0).map(({ url, body }) => ({ url, ...JSON.parse(body).data }));
    }
    return { ...it, outbox, news, documents, stores, told };
  }

  test('reaches programs in the words of their API, once for each change', async () => {
    const it = await keeping();
    await it.service.create({ ...spec, format: 'managed-agents' });
    it.outbox.open(true);
    const { id: agent } = await it.documents.create({ kind: 'agent', content: { name: 'Coder' } });
    await it.documents.create({ kind: 'file', content: { name: 'a.txt' } });
    it.clock.advance(1);
    await it.documents.update(agent, { content: { name: 'Coder', system: 'x' } });
    await it.documents.update(agent, { content: { name: 'Coder', system: 'x' } }); // the same
    await it.documents.update(agent, { archived: true });
    await it.documents.update(agent, { archived: true });
    const { id: environment } = await it.documents.create({ kind: 'environment', content: { name: 'plain' } });
    await it.documents.delete(environment);
    const { id: store } = await it.stores.create({ name: 'Notes', description: '', metadata: {} });
    await it.stores.archive(store);
    await it.stores.archive(store);
    await it.stores.delete(store);
    const owner = { organization_id: 'org_corral', workspace_id: 'wrkspc_default' };
    const told = (await it.told()).map(({ url: _, ...data }) => data);
    const data = (type: string, id: string) => ({ type, id, ...owner });
    expect(told.toSorted((a, b) => a.type.localeCompare(b.type))).toEqual([
      data('agent.archived', agent),
      data('agent.created', agent),
      data('agent.updated', agent),
      data('environment.created', environment),
      data('environment.deleted', environment),
      data('memory_store.archived', store),
      data('memory_store.created', store),
      data('memory_store.deleted', store),
    ]);
    expect(await it.store.records.count('webhook-outbox')).toBe(0);
  });

  test('reaches the owner alone, and no endpoint of a project', async () => {
    const it = await keeping();
    const names = {
      all: {},
      own: { owner: 'ann' },
      other: { owner: 'bob' },
      project: { projectId: crypto.randomUUID() },
    };
    for (const [name, about] of Object.entries(names))
      await it.service.create({ ...spec, url: `https://hooks.example.com/${name}`, ...about });
    it.outbox.open(true);
    const { id } = await it.stores.create({ name: 'Notes', description: '', metadata: {}, owner: 'ann' });
    const told = await it.told();
    expect(told.map(({ url }) => url.split('/').at(-1)).sort()).toEqual(['all', 'own']);
    expect(told[0]).toMatchObject({ resource: 'memory_store', resourceId: id, change: 'created', name: 'Notes' });
  });

  test('is a line of text for Slack, also where a token is not refreshed', async () => {
    const it = await keeping();
    await it.service.create({ ...spec, format: 'slack' });
    it.outbox.open(true);
    await it.documents.create({ kind: 'agent', content: { name: '*Coder*' } });
    const auth = { type: 'static_bearer', mcpServerUrl: 'https://mcp.example.com' } as const;
    const times = { createdAt: 0, updatedAt: 0, archivedAt: null };
    const credential = { id: 'vcrd_1', vaultId: 'vlt_1', displayName: 'Alice', metadata: {}, auth, ...times };
    await it.news.refreshFailed(credential, { owner: 'ann' });
    await it.round();
    expect(it.received.map(({ body }) => JSON.parse(body).text).sort()).toEqual([
      'The agent *Coder* was created.',
      'The token of the vault credential *Alice* could not be refreshed.',
    ]);
  });

  test('costs no record while there is no endpoint', async () => {
    const it = await keeping();
    const { id } = await it.documents.create({ kind: 'agent', content: { name: 'Coder' } });
    await it.documents.update(id, { archived: true });
    expect(await it.store.records.count('webhook-outbox')).toBe(0);
  });
});

test('the pause of an automation reaches endpoints, and one that was never stored does not', async () => {
  const { service, automations, round, types, clock, store } = await webhookWorld();
  await service.create(spec);
  const rules = {
    kind: 'run',
    goal: null,
    repositories: [],
    schedule: null,
    hook: null,
    after: null,
    budget: null,
    secretAt: null,
    whileRunning: 'skip',
    maxRunning: 1,
    maxFailures: 5,
    shared: false,
  } as const;
  const agent = { projectId: null, template: null, model: null, message: 'Write it.' };
  const times = { nextAt: null, createdAt: begin, updatedAt: begin };
  const one = {
    id: '0123456789ab',
    version: 1,
    name: 'Report',
    paused: null,
    failures: 0,
    ...rules,
    ...agent,
    ...times,
  };
  await automations.put(one, 0);
  const outbox = new Outbox(store.records);
  outbox.open(true);
  await outbox.addPause({ automationId: one.id, by: 'failures', at: begin - 1 });
  await round();
  expect(types()).toEqual([]);
  await automations.change(one.id, (now) => ({ ...now, paused: { by: 'failures', text: 'Five.', at: clock.now() } }));
  await round();
  expect(types()).toEqual(['automation.paused']);
  clock.advance(10_000);
  await round();
  expect(types()).toEqual(['automation.paused']);
  expect(await store.records.count('webhook-outbox')).toBe(0);
});
