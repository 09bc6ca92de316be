import { describe, expect, test } from 'vitest';
import { WebhookOutbox } from '../../../src/automations/webhooks/outbox.ts';
import { ResourceNotifier } from '../../../src/automations/webhooks/resource-notifier.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { createDocumentService } from '../../../src/sessions/documents/document-service.ts';
import { createMemoryStoreService } from '../../../src/sessions/memory/stores.ts';
import { begin, endpointWorld, ids, spec, webhookWorld } from '../../support/automations/webhook-world.ts';
import { spec as automation, automationWorld, minute } from '../../support/automations/world.ts';

describe('a change of what programs keep', () => {
  async function keeping() {
    const it = await webhookWorld();
    const outbox = new WebhookOutbox(it.store);
    const { clock } = it;
    const news = new ResourceNotifier({ outbox, clock, warn: (about) => expect.unreachable(JSON.stringify(about)) });
    const parts = { records: it.store.records, clock, ids };
    const [documents, stores] = [
      news.documents(createDocumentService({ ...parts, deleteUpload: async () => {} })),
      news.memoryStores(createMemoryStoreService(parts)),
    ];
    async function reported() {
      for (let rounds = 0; rounds < 5; rounds++) await it.round(); // one round sends at most four to an endpoint
      return it.received.splice(0).map(({ url, body }) => ({ url, ...JSON.parse(body).data }));
    }
    return { ...it, outbox, news, documents, stores, reported };
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
    const reported = (await it.reported()).map(({ url: _, ...data }) => data);
    const data = (type: string, id: string) => ({ type, id, ...owner });
    expect(reported.toSorted((a, b) => a.type.localeCompare(b.type))).toEqual([
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
    const reported = await it.reported();
    expect(reported.map(({ url }) => url.split('/').at(-1)).sort()).toEqual(['all', 'own']);
    expect(reported[0]).toMatchObject({ resource: 'memory_store', resourceId: id, change: 'created', name: 'Notes' });
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

describe('a change of a session', () => {
  const changed = (data: object) => ({ type: 'session.updated', runId: null, data });
  const busy = (number: number) => ({
    type: 'run.notice',
    runId: ids.runId(),
    data: { kind: 'waiting_provider', detail: 'It is busy.', retry: { number, most: 5, inMs: 1 } },
  });
  const reported = async (it: Awaited<ReturnType<typeof webhookWorld>>) => {
    for (let rounds = 0; rounds < 6; rounds++) await it.round(); // one round sends at most four to an endpoint
    return it.received.splice(0).map(({ body }) => JSON.parse(body));
  };

  test('is sent with the names of its fields, and without their values', async () => {
    const it = await endpointWorld();
    await it.append({ type: 'session.created', runId: null, data: { origin: 'api', template: 'default' } });
    await it.append({ type: 'title', runId: null, data: { title: 'Report' } });
    await it.append({ type: 'title', runId: ids.runId(), data: { title: 'Of the run' } });
    await it.append(changed({ metadata: { team: 'secret' }, budget: { cost: 1 }, archived: false }));
    await it.append(changed({ archived: true }), { status: 'completed' });
    await it.append(changed({})); // the fence of a deletion
    await it.append({ type: 'run.resumed', runId: ids.runId(), data: {} });
    await it.append(busy(1));
    await it.append(busy(2));
    const all = await reported(it);
    const shown = all.map(({ type, data: { status, fields } }) => [type, status, ...(fields ? [fields] : [])]);
    expect(shown.toSorted((a, b) => `${a}`.localeCompare(`${b}`))).toEqual([
      ['run.resumed', 'running'],
      ['run.retrying', 'running'],
      ['session.archived', 'completed'],
      ['session.changed', 'pending', ['metadata', 'budget', 'archived']],
      ['session.changed', 'pending', ['title']],
      ['session.created', 'pending'],
    ]);
    expect(JSON.stringify(all)).not.toContain('secret');
  });

  test('is sent to programs in the terms of their API; an end is two events, each with an id', async () => {
    const it = await endpointWorld({ format: 'managed-agents' });
    const parent = { sessionId: '0123456789abcdef' as SessionId, runId: null, callId: null, depth: 1, role: null };
    const archived = await it.append(changed({ archived: true }));
    await it.append(changed({ agent: true }));
    await it.append({ type: 'run.resumed', runId: ids.runId(), data: {} });
    await it.append(busy(1));
    const thread = await it.append(changed({ archived: true }), { parent });
    await it.append(changed({ metadata: {} }), { parent });
    await it.append({ type: 'run.resumed', runId: ids.runId(), data: {} }, { parent });
    await it.append({ type: 'session.created', runId: null, data: { origin: 'api', template: 'x' } }, { parent });
    const all = await reported(it);
    expect(all.map(({ data }) => data.type).sort()).toEqual([
      ...['session.archived', 'session.status_rescheduled', 'session.status_run_started'],
      ...['session.status_terminated', 'session.thread_terminated', 'session.updated'],
    ]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(6);
    const of = (type: string) => all.find(({ data }) => data.type === type)?.data;
    expect([of('session.archived').id, of('session.status_terminated').id]).toEqual(Array(2).fill(`sesn_${archived}`));
    expect(of('session.thread_terminated')).toMatchObject({
      id: `sesn_${parent.sessionId}`,
      session_thread_id: `sthr_${thread}`,
    });
  });
});

describe('what happens to an automation', () => {
  const program = { api: 'toy', agent: 'agent_1@2', archivedAt: null, content: {} };
  const daily = { cron: '1 12 * * *', timezone: 'UTC', jitterSeconds: 0, missed: 'latest' } as const;
  const ofProgram = { ...automation, schedule: daily, program, maxRunning: 5 };

  async function automating(format: 'json' | 'managed-agents') {
    const hooks = await webhookWorld();
    const outbox = new WebhookOutbox(hooks.store);
    outbox.open(true);
    const { clock, store } = hooks;
    const it = automationWorld({ store, clock, tell: (event) => outbox.addStart(event) });
    const news = new ResourceNotifier({ outbox, clock, warn: (about) => expect.unreachable(JSON.stringify(about)) });
    await hooks.service.create({ ...spec, format });
    async function reported() {
      for (let rounds = 0; rounds < 6; rounds++) await hooks.round();
      return hooks.received.splice(0).map(({ body }) => JSON.parse(body).data);
    }
    return { ...it, service: news.automations(it.service), outbox, reported };
  }

  test('is sent to programs if one of them defined it: a deployment from its beginning to its end', async () => {
    const it = await automating('managed-agents');
    const { id } = await it.service.create(ofProgram);
    await it.service.update(id, { name: 'Other' });
    await it.service.resume(id); // it was not paused
    await it.service.update(id, { program: { ...program, archivedAt: 5 } });
    await it.service.delete(id);
    const own = await it.service.create(automation);
    await it.service.delete(own.id);
    const reported = await it.reported();
    expect(reported.map(({ type }) => type).sort()).toEqual([
      ...['deployment.archived', 'deployment.created', 'deployment.deleted', 'deployment.updated'],
    ]);
    expect(new Set(reported.map((one) => one.id))).toEqual(new Set([`depl_${id}`]));
  });

  test('by a schedule is a run of a deployment, and by hand it is none', async () => {
    const it = await automating('managed-agents');
    let fails = false;
    it.programs.serve('toy', async () => {
      if (fails) throw new AppError('not_found', 'There is no such environment.');
      return { command: { title: 'Run' }, messages: [] };
    });
    const { id } = await it.service.create(ofProgram);
    await it.reported();
    await it.service.start(id, null);
    await it.round();
    it.clock.advance(minute);
    await it.round();
    const [start] = await it.service.starts(id, { limit: 1 });
    const run = start?.id.replace(':', 'x');
    const reported = await it.reported();
    expect(reported.map(({ type, id: about }) => [type, about]).sort()).toEqual([
      ['deployment_run.started', `drun_${run}`],
      ['deployment_run.succeeded', `drun_${run}`],
    ]);
    fails = true;
    it.clock.advance(24 * 60 * minute);
    await it.round();
    const after = (await it.reported()).map(({ type }) => type);
    expect(after.sort()).toEqual(['deployment_run.failed', 'deployment_run.started']);
  });

  test('is sent with its cause and its session, or the reason for none; an announced start that never came is not sent', async () => {
    const it = await automating('json');
    const { id } = await it.service.create({ ...automation, name: 'Report' });
    await it.service.start(id, null);
    await it.outbox.addStart({ type: 'automation.started', automationId: id, startId: `${id}:none`, at: begin });
    await it.outbox.addStart({
      type: 'automation.not_started',
      automationId: id,
      startId: (await it.service.starts(id, { limit: 1 }))[0]?.id ?? '',
      at: begin,
    });
    expect(await it.reported()).toEqual([{ automationId: id, name: 'Report', projectId: null, change: 'created' }]);
    await it.round();
    const [session] = it.fake.all.values();
    await it.service.start(id, null);
    await it.round(); // the first one still works, and whileRunning is skip
    const reported = (await it.reported()).toSorted((a, b) => Number('text' in a) - Number('text' in b));
    const about = { automationId: id, name: 'Report', projectId: null, cause: 'person' };
    expect(reported).toEqual([
      { ...about, startId: expect.any(String), sessionId: session?.id },
      { ...about, startId: expect.any(String), text: 'Another start of the automation is still running.' },
    ]);
    expect(await it.store.records.count('webhook-outbox')).toBe(0);
  });
});

test('the pause of an automation reaches endpoints, and one that was never stored does not', async () => {
  const { automations, round, types, clock, store } = await endpointWorld();
  const times = { nextAt: null, secretAt: null, createdAt: begin, updatedAt: begin };
  const one = { ...automation, ...times, id: '0123456789ab', version: 1, schedule: null, paused: null, failures: 0 };
  await automations.create(one);
  const outbox = new WebhookOutbox(store);
  outbox.open(true);
  await outbox.addPause({ automationId: one.id, by: 'failures', at: begin - 1 });
  await round();
  expect(types()).toEqual([]);
  await automations.change(one.id, (now) => ({ ...now, paused: { by: 'failures', text: 'Five.', at: clock.now() } }));
  await round();
  expect(types()).toEqual(['automation.paused']);
  clock.advance(10_000);
  await round();
  expect([types(), await store.records.count('webhook-outbox')]).toEqual([['automation.paused'], 0]);
});
