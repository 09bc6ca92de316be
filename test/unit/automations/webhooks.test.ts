import { Webhook as Verifier } from 'standardwebhooks';
import { describe, expect, test, vi } from 'vitest';
import type { StoredWebhookDelivery } from '../../../src/automations/webhooks/records.ts';
import { buildSignatureHeaders } from '../../../src/automations/webhooks/signature.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import {
  endOf,
  endpointWorld,
  ids,
  never,
  type ReceivedRequest,
  spec,
  startFact,
  webhookWorld,
} from '../../support/automations/webhook-world.ts';
import { stored } from '../../support/machines/session-parts.ts';

test('a signature is the one that the public library of Standard Webhooks verifies', () => {
  const secret = `whsec_${Buffer.from('k'.repeat(32)).toString('base64')}`;
  const body = JSON.stringify({ type: 'run.ended', data: { title: 'Grüße 🌍' } });
  const headers = buildSignatureHeaders(secret, { id: 'msg_1', timestamp: Math.floor(Date.now() / 1_000), body });
  expect(new Verifier(secret).verify(body, headers)).toEqual(JSON.parse(body));
});

describe('an event of a session', () => {
  test('reaches an endpoint once, without the texts of the session', async () => {
    const { service, append, round, received, clock, id } = await endpointWorld();
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
    const first = await webhookWorld();
    await first.service.create(spec);
    await first.append(startFact);
    const second = await webhookWorld({ store: first.store, clock: first.clock });
    await second.round();
    expect(second.types()).toEqual(['run.started']);
  });

  test('outlives the deletion of its session', async () => {
    const { append, round, types, store } = await endpointWorld();
    const id = await append(endOf('completed'), { deleting: true });
    await store.events.erase(id);
    await round();
    expect(types().sort()).toEqual(['run.ended', 'session.deleted']);
  });

  test('reaches those alone that may hear of it', async () => {
    const { service, append, round, received } = await webhookWorld();
    const project = crypto.randomUUID();
    const names = { all: {}, own: { owner: 'ann' }, other: { owner: 'bob' }, project: { projectId: project } };
    for (const [name, about] of Object.entries(names))
      await service.create({ ...spec, url: `https://hooks.example.com/${name}`, ...about });
    await service.create({ ...spec, url: 'https://hooks.example.com/waits', events: ['run.waiting'] });
    const at = () => received.splice(0).map(({ url }) => url.split('/').at(-1));
    await append(startFact, { owner: 'ann' });
    await round();
    expect(at().sort()).toEqual(['all', 'own']);
    await append(startFact, { projectId: project });
    await round();
    expect(at().sort()).toEqual(['all', 'project']);
  });

  test('does not reach an owner whose key is not valid any more', async () => {
    const { service, append, round, received } = await webhookWorld({ isOwned: () => false });
    const { id } = await service.create({ ...spec, owner: 'gone' });
    await append(startFact, { owner: 'gone' });
    await round();
    expect([received, (await service.get(id)).paused?.by]).toEqual([[], 'owner']);
  });

  test('costs no record while there is no endpoint', async () => {
    const { append, store } = await webhookWorld();
    await append(startFact);
    expect(await store.records.count('webhook-outbox')).toBe(0);
  });

  test('of a sub-agent is one of a thread of its session, for programs on the Managed Agents API', async () => {
    const it = await endpointWorld({ format: 'managed-agents' });
    const origin = { runId: null, callId: null, depth: 1, role: null };
    const parent = { ...origin, sessionId: '0123456789abcdef' as SessionId };
    const wait = (reason: string) => ({ type: 'run.wait', runId: ids.runId(), data: { question: 'May I?', reason } });
    const worked = { ...stored().spending, turns: 3 };
    const threads = [
      await it.append(startFact, { parent }),
      await it.append(wait('approval'), { parent }),
      await it.append(wait('question'), { parent }),
      await it.append(startFact, { parent, spending: worked }), // a later run of a known thread
      await it.append(endOf('completed'), { parent, spending: worked }),
    ];
    const attempt = await it.append(startFact, { parent: { ...parent, attempts: 'a' } });
    await it.round();
    const thread = (n: number) => ({ session_thread_id: `sthr_${threads[n]}` });
    const owner = { organization_id: 'org_corral', workspace_id: 'wrkspc_default' };
    const ofSession = { id: 'sesn_0123456789abcdef', ...owner };
    const reported = it.received.map(({ body }) => JSON.parse(body).data);
    expect(reported.toSorted((a, b) => a.type.localeCompare(b.type))).toEqual([
      { type: 'session.requires_action', ...ofSession },
      { type: 'session.status_run_started', id: `sesn_${attempt}`, ...owner },
      { type: 'session.thread_created', ...ofSession, ...thread(0) },
      expect.objectContaining({ type: 'session.thread_idled' }),
      expect.objectContaining({ type: 'session.thread_idled' }),
    ]);
    const idled = reported.filter(({ type }) => type === 'session.thread_idled');
    expect(idled.map((one) => one.session_thread_id).sort()).toEqual(
      [`sthr_${threads[2]}`, `sthr_${threads[4]}`].sort(),
    );
  });

  test('is a line of text for Slack, in which a title is no markup', async () => {
    const { append, round, received } = await endpointWorld({ format: 'slack' });
    const id = await append(startFact, { title: '<!channel> & *all*' });
    await round();
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      text: `<https://corral.example.com/#${id}|&lt;!channel&gt; &amp; all> has started.`,
    });
  });
});

test('the verdict on a goal is the end of an evaluation, for programs that of a session alone', async () => {
  const it = await endpointWorld({ format: 'managed-agents' });
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
  const reported = bodies.filter(({ type }) => type === 'goal.judged').map(({ data }) => data);
  expect(reported.map(({ sessionId }) => sessionId).sort()).toEqual([id, thread].sort());
  expect(reported[0]).toMatchObject({ round: 1, result: 'not_satisfied', status: 'running' });
  expect(JSON.stringify(it.received)).not.toContain('secret reason');
});

describe('a delivery', () => {
  test('that fails is tried after 5 s, 30 s, 2 min, 15 min, 1 h and 6 h, under one id, and then has failed', async () => {
    const { service, append, round, received, answers, clock, id } = await endpointWorld();
    answers(async () => new Response('no', { status: 503 }));
    await append(startFact);
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

  test('reads no more of an answer than 64 KiB', async () => {
    const { service, round, answers, id } = await endpointWorld();
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
    const { service, append, round, answers, received, id } = await endpointWorld();
    answers(async () => new Response(null, { status: 410 }));
    await append(startFact);
    await round();
    expect((await service.get(id)).paused?.by).toBe('gone');
    await append(startFact);
    await round();
    expect(received).toHaveLength(1);
    await expect(service.test(id)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('that is the twentieth in a row to fail pauses the endpoint, which says so', async () => {
    const { service, append, round, answers, clock, id } = await endpointWorld();
    answers(async () => new Response(null, { status: 500 }));
    for (let count = 0; count < 20; count++) await append(startFact);
    for (let count = 0; count < 45; count++) {
      expect((await service.get(id)).failures).toBeLessThan(20);
      await round(); // four at a time
      if (count % 5 === 4) clock.advance(6 * 3_600_000);
      if ((await service.get(id)).paused) break;
    }
    const { paused } = await service.get(id);
    expect(paused).toMatchObject({ by: 'failures', text: 'It was paused after 20 consecutive failed deliveries.' });
    expect(await service.resume(id)).toMatchObject({ paused: null, failures: 0 });
  });

  test('of an endpoint that hangs does not hold up those of others', async () => {
    const { service, append, deliverer, startAttempts, received, answers, clock } = await webhookWorld();
    const slow = await service.create({ ...spec, url: 'https://slow.example.com/' });
    for (let count = 0; count < 10; count++) await append(startFact);
    answers(() => new Promise((_, reject) => clock.setTimeout(() => reject(new Error('cut')), 15_000)));
    await startAttempts();
    await expect.poll(() => received.length).toBe(4);
    await service.create(spec);
    answers(async () => new Response());
    await append(startFact);
    await startAttempts();
    await expect.poll(() => received.filter(({ url }) => url === spec.url).length).toBe(1);
    expect(received.filter(({ url }) => url === slow.url)).toHaveLength(4);
    clock.advance(15_000);
    await deliverer.settled();
  });
});

test('the history of an endpoint keeps its last 200 deliveries, and ends with it', async () => {
  const { service, round, store, id } = await endpointWorld();
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
  const { service, round, received, store, id, secret } = await endpointWorld();
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(JSON.stringify([await service.get(id), await service.list()])).not.toContain(secret);
  expect(JSON.stringify(await store.records.list('webhook'))).not.toContain(secret);
  const { secret: next } = await service.rotate(id);
  await service.test(id);
  await round();
  const { body, headers } = received[0] as ReceivedRequest;
  const signature = headers['webhook-signature'];
  const message = { id: headers['webhook-id'] ?? '', timestamp: Number(headers['webhook-timestamp']), body };
  expect(signature).toBe(buildSignatureHeaders(next, message)['webhook-signature']);
  expect(signature).not.toBe(buildSignatureHeaders(secret, message)['webhook-signature']);
});

describe('places for deliveries', () => {
  const at = (name: string) => `https://${name}.example.com/`;
  /** A server whose reads of pending deliveries are counted. Requests to names with `silent` end without an answer. */
  async function world(deliveries: Readonly<Record<string, readonly [owner: string, count: number]>>) {
    const it = await webhookWorld();
    const { records } = it.store;
    const list = records.list.bind(records);
    const rows = { read: 0 };
    records.list = async (kind, options) => {
      const found = await list(kind, options);
      if (kind === 'webhook-pending') rows.read += found.length;
      return found;
    };
    it.answers(async (url) => {
      if (url.includes('silent')) throw new TypeError('fetch failed');
      return new Response('thanks');
    });
    const hooks: Record<string, string> = {};
    for (const [name, [owner, count]] of Object.entries(deliveries)) {
      const { id } = await it.service.create({ ...spec, url: at(name), owner });
      hooks[name] = id;
      for (let n = 0; n < count; n++) await it.service.test(id);
      // A test delivery is sent immediately; these become ordinary events.
      for (const { doc, version } of await list('webhook-pending', { idPrefix: `${id}:` }))
        await it.records.putPending({ ...(doc as StoredWebhookDelivery), type: 'run.ended', triesLeft: 7 }, version);
      it.clock.advance(1);
    }
    const sent = (name: string) => it.received.filter(({ url }) => url === at(name)).length;
    return { ...it, hooks, rows, sent };
  }

  test('one round reaches every owner, though 1,100 deliveries to a silent endpoint were due before', async () => {
    const { round, rows, sent } = await world({ silent: ['ann', 1_100], late: ['bob', 1] });
    await round();
    expect(sent('late')).toBe(1);
    expect(sent('silent')).toBeLessThanOrEqual(4);
    expect(rows.read).toBeLessThanOrEqual(202);
  });

  test('an owner’s many silent endpoints take eight places', async () => {
    const silent = Array.from({ length: 20 }, (_, n) => [`silent${n}`, ['ann', 2]] as const);
    const { deliverer, answers, received } = await world(Object.fromEntries([...silent, ['late', ['bob', 1]]]));
    const { promise, reject } = Promise.withResolvers<Response>();
    answers(() => promise);
    await deliverer.round(never);
    await vi.waitUntil(() => received.length >= 9);
    expect(received.filter(({ url }) => url.includes('silent'))).toHaveLength(8);
    expect(received.some(({ url }) => url === at('late'))).toBe(true);
    reject(new TypeError('fetch failed'));
    await deliverer.settled();
  });

  test('a finished try reads no other delivery again', async () => {
    const { round, rows, sent } = await world({ quick: ['ann', 150] });
    await round();
    expect([sent('quick'), rows.read]).toEqual([150, 150]);
  });

  test('a test event waits neither for a silent endpoint’s deliveries nor for new events', async () => {
    const { deliverer, round, sent, hooks, service, store, append } = await world({
      silent: ['ann', 50],
      late: ['bob', 0],
    });
    const { put, list } = store.records;
    const isSent = Promise.withResolvers<void>();
    await deliverer.round(never);
    await deliverer.settled();
    await append(startFact);
    await service.test(hooks.late as string);
    store.records.put = async (record) => {
      if (record.kind === 'webhook-pending') await isSent.promise;
      return await put.call(store.records, record);
    };
    store.records.list = async (kind, options) => {
      if (kind === 'webhook-outbox') await isSent.promise;
      return await list.call(store.records, kind, options);
    };
    const working = round();
    await expect.poll(() => sent('late')).toBe(1);
    isSent.resolve();
    await working;
    expect(sent('silent')).toBe(4);
  });

  test('an endpoint rests after three silences, uses up no tries in the meantime, and then gets one try', async () => {
    const { round, sent, hooks, service, clock, answers } = await world({ silent: ['ann', 10] });
    const minute = 60_000;
    for (let n = 0; n < 3; n++) await round();
    expect(sent('silent')).toBe(4);
    const waiting = await service.deliveries(hooks.silent as string);
    expect(waiting.filter(({ tries }) => tries === 0)).toHaveLength(6);
    expect(Math.min(...waiting.map(({ nextAt }) => nextAt ?? 0))).toBeLessThanOrEqual(clock.now() + minute);
    clock.advance(minute);
    for (let n = 0; n < 3; n++) await round();
    expect(sent('silent')).toBe(5);
    answers(async () => new Response('thanks'));
    clock.advance(2 * minute);
    await round();
    expect((await service.deliveries(hooks.silent as string)).map(({ state }) => state)).not.toContain('pending');
  });
});
