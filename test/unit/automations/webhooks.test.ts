import { Webhook as Verifier } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { vault } from '../../../src/auth/vault.ts';
import { AutomationRecords } from '../../../src/automations/records.ts';
import { Deliverer, type SendRequest } from '../../../src/automations/webhooks/deliverer.ts';
import { Outbox } from '../../../src/automations/webhooks/outbox.ts';
import { WebhookRecords } from '../../../src/automations/webhooks/records.ts';
import { ResourceNews } from '../../../src/automations/webhooks/resource-news.ts';
import { Router } from '../../../src/automations/webhooks/router.ts';
import { webhookService } from '../../../src/automations/webhooks/service.ts';
import { signedHeaders } from '../../../src/automations/webhooks/signature.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { randomIds, type SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { type WebhookSpec, webhookEvents } from '../../../src/sessions/api/server/webhooks.ts';
import { documentService } from '../../../src/sessions/documents/document-service.ts';
import { memoryStoreService } from '../../../src/sessions/memory/stores.ts';
import { webhookSecrets } from '../../../src/sessions/projects/webhook-secrets.ts';
import type { StoredSession } from '../../../src/sessions/run/log/projection.ts';
import { storeEventLog } from '../../../src/storage/log/log.ts';
import { memoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { stored } from '../../support/machines/session-parts.ts';

const never = new AbortController().signal;
const begin = Date.parse('2026-11-24T12:00:00Z');
const ids = randomIds();
const spec: WebhookSpec = {
  name: 'Hook',
  url: 'https://hooks.example.com/in',
  events: [...webhookEvents],
  format: 'json',
  projectId: null,
};
const started = {
  type: 'run.started',
  runId: ids.runId(),
  data: { task: 'a secret task', messageId: ids.messageId() },
};
const endOf = (status: 'completed' | 'failed') =>
  ({ type: 'run.end', runId: ids.runId(), data: { status, reason: status, task: 'a secret task' } }) as const;

interface ReceivedRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A server without its sessions. A second one over the same store is that server after a restart. */
async function world({ store = memoryStore(), clock = manualClock(begin), isOwned = (): boolean => true } = {}) {
  const received: ReceivedRequest[] = [];
  let answer = async (): Promise<Response> => new Response('thanks');
  const send: SendRequest = async (url, { headers, body }) => {
    received.push({ url, headers: headers as Record<string, string>, body: `${body}` });
    return await answer();
  };
  const records = new WebhookRecords(store.records);
  const secrets = webhookSecrets(store.records, vault([new Secret('ab'.repeat(32))]));
  const outbox = new Outbox(store.records);
  outbox.open(await records.areAny());
  const automations = new AutomationRecords(store.records, async ({ id, paused }) => {
    if (paused) await outbox.addPause({ automationId: id, by: paused.by, at: paused.at });
  });
  const router = new Router({
    records,
    outbox,
    automationOf: async (id) => (await automations.get(id)).doc,
    costOf: async () => 0.5,
    isOwned,
    pageUrl: 'https://corral.example.com/',
    clock,
  });
  const deliverer = new Deliverer({
    records,
    outbox,
    router,
    send,
    secretOf: secrets.open,
    leads: async () => true,
    shared: false,
    clock,
    random: () => 0,
    warn: (about) => expect.unreachable(JSON.stringify(about)),
  });
  const service = webhookService({
    records,
    seal: secrets.seal,
    ids,
    clock,
    check: async () => {},
    learn: () => {},
    wake: () => {},
    opened: () => outbox.open(true),
  });
  const log = outbox.around(storeEventLog(store.events, { maxLag: 100, pageSize: 100 }));
  const heads = new Map<SessionId, number>();
  async function append(
    fact: object,
    about: Partial<Pick<StoredSession, 'owner' | 'projectId' | 'deleting' | 'parent' | 'spending'>> = {},
  ) {
    const id = ids.sessionId();
    const after = heads.get(id) ?? 0;
    const doc = stored({ id, title: 'Report', ...about });
    const facts = [fact as SessionFact];
    heads.set(
      id,
      await log.append({ sessionId: id, after, at: clock.now(), facts, puts: [{ kind: 'session', id, doc }] }),
    );
    return id;
  }
  return {
    store,
    clock,
    received,
    records,
    automations,
    service,
    append,
    deliverer,
    answers: (next: typeof answer) => {
      answer = next;
    },
    async round() {
      await deliverer.round(never);
      await deliverer.settled();
    },
    types: () => received.map(({ body }) => JSON.parse(body).type as string),
  };
}

describe('a signature', () => {
  const secret = `whsec_${Buffer.from('k'.repeat(32)).toString('base64')}`;
  const body = JSON.stringify({ type: 'run.ended', data: { title: 'Grüße 🌍' } });

  test('is the one that the public library of Standard Webhooks verifies', () => {
    const headers = signedHeaders(secret, { id: 'msg_1', timestamp: Math.floor(Date.now() / 1_000), body });
    expect(new Verifier(secret).verify(body, headers)).toEqual(JSON.parse(body));
  });

  test.each([
    ['another body', { body: `${body} ` }],
    ['another id', { id: 'msg_2' }],
    ['an old time', { timestamp: 1_700_000_000 }],
  ])('with %s is refused', (_, changed) => {
    const message = { id: 'msg_1', timestamp: Math.floor(Date.now() / 1_000), body };
    const headers = { ...signedHeaders(secret, message), 'webhook-id': 'msg_1' };
    const other = { ...message, ...changed };
    const sent = { ...headers, 'webhook-id': other.id, 'webhook-timestamp': `${other.timestamp}` };
    expect(() => new Verifier(secret).verify(other.body, sent)).toThrow();
  });
});

describe('an event of a session', () => {
  test('reaches an endpoint once, without the texts of the session', async () => {
    const { service, append, round, received, clock } = await world();
    const { id } = await service.create(spec);
    const sessionId = await append(endOf('failed'));
    await round();
    await round();
    expect(received).toHaveLength(1);
    const { type, timestamp, data } = JSON.parse(received[0]?.body ?? '');
    expect({ type, timestamp }).toEqual({ type: 'run.failed', timestamp: new Date(clock.now()).toISOString() });
    expect(data).toMatchObject({ sessionId, title: 'Report', outcome: { status: 'failed' }, cost: 0.5 });
    expect(data.url).toBe(`https://corral.example.com/#${sessionId}`);
    expect(received[0]?.body).not.toContain('secret task');
    expect(await service.deliveries(id)).toMatchObject([{ state: 'delivered', tries: 1, statusCode: 200, error: '' }]);
  });

  test('is not lost when the server dies after the append', async () => {
    const first = await world();
    await first.service.create(spec);
    await first.append(started);
    const second = await world({ store: first.store, clock: first.clock });
    await second.round();
    expect(second.types()).toEqual(['run.started']);
  });

  test('outlives the deletion of its session', async () => {
    const { service, append, round, types, store } = await world();
    await service.create(spec);
    const id = await append(endOf('completed'), { deleting: true });
    await store.events.erase(id);
    await round();
    expect(types().sort()).toEqual(['run.ended', 'session.deleted']);
  });

  test('reaches those alone that may hear of it', async () => {
    const { service, append, round, received } = await world();
    const project = crypto.randomUUID();
    const names = { all: {}, own: { owner: 'ann' }, other: { owner: 'bob' }, project: { projectId: project } };
    for (const [name, about] of Object.entries(names))
      await service.create({ ...spec, url: `https://hooks.example.com/${name}`, ...about });
    await service.create({ ...spec, url: 'https://hooks.example.com/waits', events: ['run.waiting'] });
    const at = () => received.splice(0).map(({ url }) => url.split('/').at(-1));
    await append(started, { owner: 'ann' });
    await round();
    expect(at().sort()).toEqual(['all', 'own']);
    await append(started, { projectId: project });
    await round();
    expect(at().sort()).toEqual(['all', 'project']);
  });

  test('does not reach an owner whose key is not valid any more', async () => {
    const { service, append, round, received } = await world({ isOwned: () => false });
    const { id } = await service.create({ ...spec, owner: 'gone' });
    await append(started, { owner: 'gone' });
    await round();
    expect(received).toEqual([]);
    expect((await service.get(id)).paused?.by).toBe('owner');
  });

  test('costs no record while there is no endpoint', async () => {
    const { append, store } = await world();
    await append(started);
    expect(await store.records.count('webhook-outbox')).toBe(0);
  });

  test('of a sub-agent is one of a thread of its session, for programs on the Managed Agents API', async () => {
    const it = await world();
    await it.service.create({ ...spec, format: 'managed-agents' });
    const origin = { runId: null, callId: null, depth: 1, role: null };
    const parent = { ...origin, sessionId: '0123456789abcdef' as SessionId };
    const wait = (reason: string) => ({ type: 'run.wait', runId: ids.runId(), data: { question: 'May I?', reason } });
    const worked = { ...stored().spending, turns: 3 };
    const threads = [
      await it.append(started, { parent }),
      await it.append(wait('approval'), { parent }),
      await it.append(wait('question'), { parent }),
      await it.append(started, { parent, spending: worked }), // a later run of a thread that is known
      await it.append(endOf('completed'), { parent, spending: worked }),
    ];
    const attempt = await it.append(started, { parent: { ...parent, attempts: 'a' } });
    await it.round();
    await it.round(); // one round sends an endpoint four at most
    const thread = (n: number) => ({ session_thread_id: `sthr_${threads[n]}` });
    const owner = { organization_id: 'org_corral', workspace_id: 'wrkspc_default' };
    const ofSession = { id: 'sesn_0123456789abcdef', ...owner };
    const told = it.received.map(({ body }) => JSON.parse(body).data);
    expect(told.toSorted((a, b) => a.type.localeCompare(b.type))).toEqual([
      { type: 'session.requires_action', ...ofSession },
      { type: 'session.status_run_started', id: `sesn_${attempt}`, ...owner },
      { type: 'session.thread_created', ...ofSession, ...thread(0) },
      expect.objectContaining({ type: 'session.thread_idled' }),
      expect.objectContaining({ type: 'session.thread_idled' }),
    ]);
    const idled = told.filter(({ type }) => type === 'session.thread_idled');
    expect(idled.map((one) => one.session_thread_id).sort()).toEqual(
      [`sthr_${threads[2]}`, `sthr_${threads[4]}`].sort(),
    );
  });

  test('is a line of text for Slack, in which a title is no markup', async () => {
    const { service, round, received, store, clock } = await world();
    await service.create({ ...spec, format: 'slack' });
    const log = new Outbox(store.records);
    log.open(true);
    const id = ids.sessionId();
    const doc = stored({ id, title: '<!channel> & *all*' });
    await log.around(storeEventLog(store.events, { maxLag: 100, pageSize: 100 })).append({
      sessionId: id,
      after: 0,
      at: clock.now(),
      facts: [started as SessionFact],
      puts: [{ kind: 'session', id, doc }],
    });
    await round();
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      text: `<https://corral.example.com/#${id}|&lt;!channel&gt; &amp; all> has started.`,
    });
  });
});

test('the verdict on a goal is the end of an evaluation, for programs that of a session alone', async () => {
  const it = await world();
  await it.service.create({ ...spec, format: 'managed-agents' });
  await it.service.create({ ...spec, url: 'https://hooks.example.com/json' });
  const goal = (kind: string, more: object) => ({
    type: 'goal',
    runId: ids.runId(),
    data: { kind, round: 1, ...more },
  });
  await it.append(goal('checking', {}));
  const judged = goal('judged', { result: 'not_satisfied', reason: 'a secret reason' });
  const id = await it.append(judged);
  const origin = { runId: null, callId: null, depth: 1, role: null };
  const thread = await it.append(judged, { parent: { ...origin, sessionId: id } });
  await it.round();
  const bodies = it.received.map(({ body }) => JSON.parse(body));
  const owner = { organization_id: 'org_corral', workspace_id: 'wrkspc_default' };
  expect(bodies.filter(({ type }) => type === 'event').map(({ data }) => data)).toEqual([
    { type: 'session.outcome_evaluation_ended', id: `sesn_${id}`, ...owner },
  ]);
  const told = bodies.filter(({ type }) => type === 'goal.judged').map(({ data }) => data);
  expect(told.map(({ sessionId }) => sessionId).sort()).toEqual([id, thread].sort());
  expect(told[0]).toMatchObject({ round: 1, result: 'not_satisfied', status: 'running' });
  expect(JSON.stringify(it.received)).not.toContain('secret reason');
});

describe('a change of what programs keep', () => {
  async function keeping() {
    const it = await world();
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
  const { service, automations, round, types, clock, store } = await world();
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

describe('a delivery', () => {
  test('that fails is tried after 5 s, 30 s, 2 min, 15 min, 1 h and 6 h, under one id, and then has failed', async () => {
    const { service, append, round, received, answers, clock } = await world();
    const { id } = await service.create(spec);
    answers(async () => new Response('no', { status: 503 }));
    await append(started);
    await round();
    for (const seconds of [5, 30, 120, 900, 3_600, 21_600]) {
      const before = received.length;
      clock.advance(seconds * 1_000 - 1);
      await round();
      expect(received).toHaveLength(before);
      clock.advance(1);
      await round();
      expect(received).toHaveLength(before + 1);
    }
    clock.advance(30 * 24 * 3_600_000);
    await round();
    expect(received).toHaveLength(7);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const [failed] = await service.deliveries(id);
    expect(failed).toMatchObject({ state: 'failed', tries: 7, statusCode: 503, error: 'It answered 503.' });
    answers(async () => new Response(null, { status: 204 }));
    await service.resend(id, failed?.id ?? '');
    await expect(service.resend(id, failed?.id ?? '')).rejects.toMatchObject({ code: 'conflict' });
    await round();
    expect(await service.deliveries(id)).toMatchObject([{ id: failed?.id, state: 'delivered', tries: 8 }]);
    expect(received.at(-1)?.headers['webhook-id']).toBe(failed?.id);
  });

  test('that gets no answer within 15 seconds has failed', async () => {
    const { service, deliverer, answers, clock } = await world();
    const { id } = await service.create(spec);
    const asked = Promise.withResolvers<void>();
    answers(() => {
      asked.resolve();
      return new Promise((_, reject) => clock.setTimeout(() => reject(new Error('cut')), 15_000));
    });
    await service.test(id);
    await deliverer.round(never);
    await asked.promise;
    clock.advance(15_000);
    await deliverer.settled();
    expect(await service.deliveries(id)).toMatchObject([
      { type: 'webhook.test', state: 'failed', tries: 1, error: 'There was no answer within 15 seconds.' },
    ]);
  });

  test('reads no more of an answer than 64 KiB', async () => {
    const { service, round, answers } = await world();
    const { id } = await service.create(spec);
    let pulled = 0;
    let isCancelled = false;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled += 1_024;
          controller.enqueue(new Uint8Array(1_024));
        },
        cancel() {
          isCancelled = true;
        },
      });
    answers(async () => new Response(endless()));
    await service.test(id);
    await round();
    expect(isCancelled).toBe(true);
    expect(pulled).toBeLessThan(128 * 1_024);
    expect(await service.deliveries(id)).toMatchObject([{ state: 'delivered' }]);
  });

  test('that is refused with 410 pauses the endpoint at once', async () => {
    const { service, append, round, answers, received } = await world();
    const { id } = await service.create(spec);
    answers(async () => new Response(null, { status: 410 }));
    await append(started);
    await round();
    expect((await service.get(id)).paused?.by).toBe('gone');
    await append(started);
    await round();
    expect(received).toHaveLength(1);
    await expect(service.test(id)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('that is the twentieth in a row to fail pauses the endpoint, which says so', async () => {
    const { service, append, round, answers, clock } = await world();
    const { id } = await service.create(spec);
    answers(async () => new Response(null, { status: 500 }));
    for (let count = 0; count < 20; count++) await append(started);
    for (let count = 0; count < 45; count++) {
      expect((await service.get(id)).failures).toBeLessThan(20);
      await round(); // four at once
      if (count % 5 === 4) clock.advance(6 * 3_600_000);
      if ((await service.get(id)).paused) break;
    }
    const { paused } = await service.get(id);
    expect(paused).toMatchObject({
      by: 'failures',
      text: 'It paused itself after 20 deliveries in a row that failed.',
    });
    expect(await service.resume(id)).toMatchObject({ paused: null, failures: 0 });
  });

  test('of an endpoint that hangs does not hold up those of others', async () => {
    const { service, append, deliverer, received, answers, clock } = await world();
    const slow = await service.create({ ...spec, url: 'https://slow.example.com/' });
    for (let count = 0; count < 10; count++) await append(started);
    answers(() => new Promise((_, reject) => clock.setTimeout(() => reject(new Error('cut')), 15_000)));
    await deliverer.round(never);
    await expect.poll(() => received.length).toBe(4);
    await service.create(spec);
    answers(async () => new Response());
    await append(started);
    await deliverer.round(never);
    await expect.poll(() => received.filter(({ url }) => url === spec.url).length).toBe(1);
    expect(received.filter(({ url }) => url === slow.url)).toHaveLength(4);
    clock.advance(15_000);
    await deliverer.settled();
  });
});

test('the history of an endpoint keeps its last 200 deliveries, and ends with it', async () => {
  const { service, round, store } = await world();
  const { id } = await service.create(spec);
  for (let count = 0; count < 205; count++) {
    await service.test(id);
    if (count % 4 === 3) await round();
  }
  await round();
  expect(await service.deliveries(id)).toHaveLength(200);
  await service.delete(id);
  expect(await store.records.count('webhook-delivery')).toBe(0);
  await expect(service.deliveries(id)).rejects.toMatchObject({ code: 'not_found' });
});

test('a secret is shown once, and a new one counts at once', async () => {
  const { service, round, received, store } = await world();
  const { id, secret } = await service.create(spec);
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(JSON.stringify([await service.get(id), await service.list()])).not.toContain(secret);
  expect(JSON.stringify(await store.records.list('webhook'))).not.toContain(secret);
  const { secret: next } = await service.rotate(id);
  await service.test(id);
  await round();
  const { body, headers } = received[0] as ReceivedRequest;
  const signature = headers['webhook-signature'];
  const message = { id: headers['webhook-id'] ?? '', timestamp: Number(headers['webhook-timestamp']), body };
  expect(signature).toBe(signedHeaders(next, message)['webhook-signature']);
  expect(signature).not.toBe(signedHeaders(secret, message)['webhook-signature']);
});
