import { expect, test } from 'vitest';
import { composeCore } from '../../support/servers/composed.ts';

// Preparing a run's first request takes about as long as storing and sending an event, on the same loop.

test('subscribers have a message before its run prepares a request', async () => {
  await using server = await composeCore();
  const { services, store } = server.core;
  const { sessions } = services;
  const { id } = await sessions.create({ origin: 'trpc' });
  const order: string[] = [];
  const { list } = store.records;
  // The first step of a turn loads the conversation.
  store.records.list = (kind, ...rest) => {
    if (kind === 'transcript') order.push('the run prepares');
    return list.call(store.records, kind, ...rest);
  };
  const leave = new AbortController();
  const following = (async () => {
    for await (const item of sessions.follow(id, 1, { signal: leave.signal, deltas: false })) {
      if (item.kind === 'resync') continue;
      order.push(...item.events.map(({ type }) => type));
      if (order.includes('run.end')) leave.abort();
    }
  })();
  await sessions.send(id, { text: 'Hello\n```fail\nenough\n```', mode: 'inject' });
  await following;
  expect(order).toContain('the run prepares');
  expect(order.indexOf('message.user')).toBeLessThan(order.indexOf('the run prepares'));
});
