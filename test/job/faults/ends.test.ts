import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { openStream } from '../../support/clients/sse-client.ts';
import { type RealServer, reaches, realServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

const ends = (real: RealServer, id: string) => real.factsOf(id, 'run.end').map(({ data }) => data);
const slowly = { NODE_ENV: 'test', CORRAL_FAILPOINTS: 'driver.create.afterCall=sleep(1500)' };
/** Ignores TERM, runs in its own session, and has lost its parent. */
const stubborn = `setsid -f nohup sh -c 'trap "" TERM; while :; do sleep 1; done' stubborn >/dev/null 2>&1`;

inEachWorld('process', 'with $driver', (world) => {
  test('F030 F039 F108 F109 a stop during a call ends all its processes, TERM first, KILL after 2 s; a second stop joins it', async (context) => {
    await using real = await realServer(context, world);
    const id = await real.ready();
    await real.working(id, `trap 'echo heard >> heard' TERM; ${stubborn}; while :; do sleep 0.2; done`);
    await Promise.all([real.client.stop(id), real.client.stop(id)]);
    expect(real.factsOf(id, 'tool.called')).toMatchObject([
      { data: { success: false, reason: 'cancelled', output: expect.stringContaining('begun') } },
    ]);
    expect(ends(real, id)).toMatchObject([{ status: 'stopped', reason: 'stopped' }]);
    const length = real.log(id).length;
    expect(await real.client.stop(id)).toMatchObject({ status: 200 }); // an idle session: success without a new event
    expect(real.log(id)).toHaveLength(length);
    await real.client.chat(id, fence('sh', 'sort -u heard; pgrep -f "stubbor[n]" || echo none'));
    expect(real.factsOf(id, 'tool.called').at(-1)).toMatchObject({ data: { output: 'heard\nnone\n' } });
    await real.holds(id);
  });

  test('F110 a delete works at any moment, ends the streams and leaks nothing; the second is 404', {
    tags: ['nightly'],
  }, async (context) => {
    await using real = await realServer(context, world, slowly);
    const { client, server } = real;
    const moments: Record<string, (id: string) => Promise<unknown>> = {
      'while it starts': async () => {},
      'during a run': (id) => real.working(id, 'sleep 600'),
      'during a stop': async (id) => {
        await real.working(id, `trap '' TERM; ${stubborn}; while :; do sleep 0.2; done`);
        void client.stop(id).catch(() => {});
      },
      'after its sandbox was lost': async (id) => {
        await reaches(() => real.factsOf(id, 'sandbox.phase').some(({ data }) => data.phase === 'ready'));
        await world.kill(id);
        await reaches(() => real.factsOf(id, 'sandbox.phase').some(({ data }) => data.phase === 'lost'));
      },
      'while it is made anew': async (id) => {
        await reaches(() => real.factsOf(id, 'sandbox.phase').some(({ data }) => data.phase === 'ready'));
        await world.kill(id);
        await client.send(id, fence('sh', 'echo x'));
      },
    };
    const tried = Object.entries(moments);
    for (const [moment, arrange] of tried) {
      const id = await client.create();
      await arrange(id);
      using stream = await openStream(`${server.url}/api/v1/sessions/${id}/events`);
      const twice = await Promise.all([client.remove(id), client.remove(id)]);
      const statuses = twice.map(({ status }) => status); // both at once: the second can still find the session
      expect([200, 404], moment).toEqual(expect.arrayContaining(statuses));
      expect(statuses, moment).toContain(200);
      expect(await client.remove(id), moment).toMatchObject({ status: 404 });
      expect(await stream.ended, moment).toBe('ended');
      expect(await client.status(id), moment).toBe('gone');
      expect((await client.ask('GET', '')).body.data, moment).toEqual({ sessions: [] });
      await expect.poll(() => world.remains(id, server), { message: moment }).toEqual([]);
      await reaches(() => real.log(id).length === 0);
    }
    expect((await readdir(join(server.data, 's'))).filter((name) => name.startsWith('sbx-'))).toEqual([]);
  });
});
