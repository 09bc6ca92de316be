// @module-tag nightly
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { testPair } from '../../support/stores/server-pair.ts';

const blockMs = 10_000;

testPair(
  'F010 a server whose event loop blocks for ten seconds writes nothing as a stale owner, and keeps serving',
  async (pair) => {
    const {
      servers: [old],
      atOld,
      atHeir,
    } = pair;
    old.kill('SIGTERM');
    await old.restart({ NODE_ENV: 'test', CORRAL_FAILPOINTS: `session.record=sleep(${blockMs})@1` });
    const id = await atOld.create();
    let isStuck = true;
    const stuck = atOld
      .send(id, `Late\n${fence('sh', 'echo late >> ran')}`)
      .then(
        () => 'accepted',
        () => 'refused',
      )
      .finally(() => {
        isStuck = false;
      });
    const said = async (text: string) =>
      (await pair.events(id)).filter((it) => it.type === 'message.user' && it.data.text.startsWith(text)).length;
    expect(await said('Late')).toBe(0);
    await atHeir.send(id, `Now\n${fence('sh', 'echo now >> ran')}`);
    expect(await said('Now')).toBe(1);
    expect(isStuck, 'the other server had to be the first').toBe(true);

    const answer = await stuck;
    const rests = () => expect.poll(() => atOld.status(id), { interval: 100 }).toBe('completed');
    await rests();
    await expect.poll(() => said('Late')).toBe(answer === 'accepted' ? 1 : 0);
    expect(await said('Now')).toBe(1);
    await atHeir.send(id, fence('sh', 'cat ran'));
    await rests();
    const events = await pair.events(id);
    expect(problemsOf(events)).toEqual([]);
    const outputs = events.flatMap((it) => (it.type === 'tool.called' ? [it.data.output] : []));
    expect(outputs.at(-1)?.split('\n').filter(Boolean).sort()).toEqual(
      answer === 'accepted' ? ['late', 'now'] : ['now'],
    );
    expect((await atOld.remove(id)).status).toBe(200);
  },
);
