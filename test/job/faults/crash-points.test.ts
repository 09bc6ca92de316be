// @module-tag nightly
// Kills the server at the points where the log and the outside world can disagree, and starts it again.
import { expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { type RealServer, reaches, realServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

/** Restarts the server so that it exits at this point, and waits for its exit during `work`. */
async function dyingAt({ server }: RealServer, point: string, work: () => Promise<unknown>): Promise<void> {
  server.kill('SIGKILL');
  await server.restart({ NODE_ENV: 'test', CORRAL_FAILPOINTS: point });
  const answer = work().catch(() => {}); // the request's connection can break
  expect(await server.exit).toBeNull(); // null: a signal killed the server
  await answer;
  await server.restart();
}

inEachWorld('process', 'killed with $driver', (world) => {
  test('F003 a crash while a sandbox is created leaves one sandbox: the next server adopts it or creates another', async (context) => {
    await using real = await realServer(context, world);
    const { client } = real;
    for (const point of ['before', 'afterCall', 'afterRecord']) {
      const known = await sessionsOf(real);
      await dyingAt(real, `driver.create.${point}=exit`, () => client.create());
      const [id = ''] = (await sessionsOf(real)).filter((it) => !known.includes(it));
      expect(id, 'the session was stored before its sandbox was started').not.toBe('');
      await client.chat(id, fence('sh', 'echo here'));
      expect(real.factsOf(id, 'tool.called'), point).toMatchObject([{ data: { success: true, output: 'here\n' } }]);
      expect(await world.running(id)).toHaveLength(1);
      await real.holds(id);
    }
  });

  test("F004 after a crash between a command's end and its record, the server fetches the outcome; the command ran once", async (context) => {
    await using real = await realServer(context, world);
    const id = await real.ready();
    const task = fence('sh', 'echo once >> ran; echo done');
    await dyingAt(real, 'effect.outcome.before=exit', () => real.client.send(id, task));
    await real.rests(id);
    expect(real.factsOf(id, 'tool.calling')).toHaveLength(1);
    expect(real.factsOf(id, 'tool.called')).toMatchObject([{ data: { success: true, output: 'done\n', exitCode: 0 } }]);
    expect(await fileOf(real, id, 'ran')).toBe('once\n');
    await real.holds(id);
  });

  test("F004 after a crash between a command's announcement and its start, the call is interrupted and never runs", async (context) => {
    await using real = await realServer(context, world);
    const id = await real.ready();
    await dyingAt(real, 'effect.intent.after=exit', () => real.client.send(id, fence('sh', 'echo once >> ran')));
    await real.rests(id);
    const [called, ...more] = real.factsOf(id, 'tool.called');
    expect(called).toMatchObject({ data: { success: false, reason: 'interrupted' } });
    expect([more, await fileOf(real, id, 'ran')]).toEqual([[], undefined]);
    await real.holds(id);
  });

  test('F110 after a crash in the middle of a delete, the next start completes it', async (context) => {
    await using real = await realServer(context, world);
    for (const point of ['before', 'after']) {
      const id = await real.ready();
      await dyingAt(real, `driver.destroy.${point}=exit`, () => real.client.remove(id));
      expect([await real.client.status(id), await sessionsOf(real)]).toEqual(['gone', []]);
      expect(await real.client.remove(id)).toMatchObject({ status: 404 });
      await expect.poll(() => world.remains(id, real.server)).toEqual([]);
      await reaches(() => real.log(id).length === 0);
    }
  });
});

async function sessionsOf({ client }: RealServer): Promise<string[]> {
  const { sessions } = (await client.ask('GET', '')).body.data as { sessions: { session_id: string }[] };
  return sessions.map(({ session_id }) => session_id);
}

async function fileOf({ client }: RealServer, id: string, file: string): Promise<string | undefined> {
  const { body } = await client.ask('POST', `/${id}/file`, { file });
  return (body.data as { content: string } | null)?.content;
}
