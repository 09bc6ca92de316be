import { expect, test } from 'vitest';
import { type WorldServer, worldServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

const ends = (real: WorldServer, id: string) => real.factsOf(id, 'run.end').map(({ data }) => data);
/** Ignores TERM, runs in its own session, and is an orphan. */
const stubborn = `setsid -f nohup sh -c 'trap "" TERM; while :; do sleep 1; done' stubborn >/dev/null 2>&1`;

inEachWorld('process', 'with $driver', (world) => {
  test('F030 F039 F108 F109 a stop during a call ends all its processes, TERM first, KILL after 2 s; a second stop joins it', async (context) => {
    await using real = await worldServer(context, world);
    const id = await real.ready();
    await real.working(id, `trap 'echo term >> signals' TERM; ${stubborn}; while :; do sleep 0.2; done`);
    await Promise.all([real.client.stop(id), real.client.stop(id)]);
    expect(real.factsOf(id, 'tool.called')).toMatchObject([
      { data: { success: false, reason: 'cancelled', output: expect.stringContaining('begun') } },
    ]);
    expect(ends(real, id)).toMatchObject([{ status: 'stopped', reason: 'stopped' }]);
    const length = real.log(id).length;
    expect(await real.client.stop(id)).toMatchObject({ status: 200 }); // an idle session: success without a new event
    expect(real.log(id)).toHaveLength(length);
    expect(await real.says(id, 'sort -u signals; pgrep -f "stubbor[n]" || echo none')).toBe('term\nnone\n');
    await real.holds(id);
  });
});
