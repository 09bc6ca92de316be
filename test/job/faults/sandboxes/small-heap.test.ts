// @module-tag all
// More command output than fits into the server's heap.
import { expect, test } from 'vitest';
import { fence } from '../../../support/clients/api.ts';
import { problemsOf } from '../../../support/hostile/checker.ts';
import { reaches, realServer } from '../../../support/servers/real-server.ts';
import { processWorld as world } from '../../../support/worlds.ts';

const sessions = 12;
const megabytes = 50;

test('F011 with a small heap and many long outputs every log stays whole', { tags: ['nightly'] }, async (context) => {
  await using real = await realServer(context, world, { NODE_OPTIONS: '--max-old-space-size=128' });
  const ids: string[] = [];
  for (let n = 0; n < sessions; n++) ids.push(await real.client.create());
  const reported = await Promise.all(
    ids.map((id) =>
      real.client.send(id, fence('sh', `yes line of ${id} | head -c ${megabytes}M; echo once >> ran`)).then(
        () => 'accepted',
        () => 'refused',
      ),
    ),
  );
  let lives = 1;
  const died = () => real.server.exit.then(() => 'died' as const);
  const allRest = reachesAll(ids);
  for (let outcome = await Promise.race([allRest(), died()]); outcome === 'died'; ) {
    expect(lives++, 'it must not die again and again').toBeLessThan(4);
    await real.server.restart();
    outcome = await Promise.race([allRest(), died()]);
  }
  for (const [n, id] of ids.entries()) {
    expect(problemsOf(real.log(id))).toEqual([]);
    const messages = real.factsOf(id, 'message.user').length;
    if (reported[n] === 'accepted') expect(messages).toBe(1);
    const last = (await real.says(id, 'sort ran | uniq -c')) ?? '';
    if (messages === 1) expect(last.trim()).toMatch(/^1 once$/);
  }
  await Promise.all(ids.map((id) => real.client.remove(id)));

  function reachesAll(all: readonly string[]) {
    const rests = (id: string) =>
      real.client.status(id).then(
        (status) => status === 'completed' || status === 'pending',
        () => false,
      );
    return async () => {
      await reaches(async () => (await Promise.all(all.map(rests))).every(Boolean));
      return 'rested' as const;
    };
  }
});
