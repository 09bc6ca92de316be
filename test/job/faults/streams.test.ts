// @module-tag nightly
// Readers of a run on the whole server that lose their connection again and again.
import { describe, expect, test } from 'vitest';
import { api, fence, storedEvents } from '../../support/clients/api.ts';
import { openStream, type SeenEvent } from '../../support/clients/sse-client.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { seeded } from '../../support/simulation/dice.ts';

const task = Array.from({ length: 60 }, (_, n) => fence('sh', `sleep 0.05; echo ${n}`)).join('\n');

describe('a reader', () => {
  test('F087 that is cut off 100 times and resumes with Last-Event-ID receives each event once, in order', async () => {
    await using server = await serverProcess({
      CORRAL_DRIVER: 'memory',
      CORRAL_RATE_LIMIT_PER_MINUTE: '0',
      CORRAL_MAX_STEPS: '1000',
    });
    const client = api(server.url);
    const id = await client.create();
    await client.send(id, task);
    const random = seeded(87);
    const seen: SeenEvent[] = [];
    let cuts = 0;
    const over = () => seen.some(({ event }) => event === 'done');
    while (cuts < 100 || !over()) {
      const cursor = seen.at(-1)?.id ?? '0';
      using stream = await openStream(`${server.url}/api/v1/sessions/${id}/events`, {
        headers: { 'last-event-id': cursor },
      });
      expect(stream.status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, random() * 60));
      seen.push(...stream.events());
      cuts += 1;
    }
    using whole = await openStream(`${server.url}/api/v1/sessions/${id}/events`, { headers: { 'last-event-id': '0' } });
    await expect.poll(() => whole.events().some(({ event }) => event === 'done')).toBe(true);
    expect(seen).toEqual(whole.events());
    const told = storedEvents(server.data, id).filter(({ type }) => type === 'tool.called');
    expect(seen.filter(({ data }) => data.status === 'called')).toHaveLength(told.length);
    expect(told).toHaveLength(60);
  });
});
