// @module-tag nightly
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { testPair } from '../../support/stores/server-pair.ts';

testPair(
  'F055 a server paused for longer than its lease writes nothing more, and the other server continues its run',
  async (pair) => {
    const {
      servers: [old],
      atOld,
      atHeir,
    } = pair;
    const id = await atOld.create();
    await atOld.send(id, `Work\n${fence('sh', 'echo begun; sleep 3; echo once >> ran')}`);
    const has = async (type: string) => (await pair.events(id)).some((event) => event.type === type);
    await expect.poll(() => has('tool.output'), { interval: 200 }).toBe(true);

    old.kill('SIGSTOP');
    const status = async () => await atHeir.status(id);
    await expect.poll(status, { interval: 200 }).toBe('completed');
    const events = await pair.events(id);
    expect(problemsOf(events)).toEqual([]);
    const resumed = events.filter((it) => it.type === 'run.notice' && it.data.kind === 'resumed_after_restart');
    expect(resumed).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'tool.called')).toHaveLength(1);

    old.kill('SIGCONT');
    // The old server continues, and sends requests for sessions that it has lost to the new owner.
    await expect.poll(() => atOld.status(id), { interval: 100 }).toBe('completed');
    expect((await atOld.ask('POST', `/${id}/file`, { file: 'ran' })).body.data).toMatchObject({ content: 'once\n' });
    await expect.poll(() => old.output(), { interval: 100 }).toContain('session released to another server');
    const later = (await pair.events(id)).slice(events.length).map(({ type }) => type);
    expect(later.filter((type) => type !== 'sandbox.phase')).toEqual([]); // the sandbox can be idle by now
    await atOld.send(id, 'And now?');
    await expect.poll(status, { interval: 100 }).toBe('completed');
    expect([problemsOf(await pair.events(id)), (await atOld.remove(id)).status]).toEqual([[], 200]);
  },
);

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
    const countMessages = async (text: string) =>
      (await pair.events(id)).filter((it) => it.type === 'message.user' && it.data.text.startsWith(text)).length;
    expect(await countMessages('Late')).toBe(0);
    await atHeir.send(id, `Now\n${fence('sh', 'echo now >> ran')}`);
    expect(await countMessages('Now')).toBe(1);
    expect(isStuck, 'the other server had to be the first').toBe(true);

    const answer = await stuck;
    const rests = () => expect.poll(() => atOld.status(id), { interval: 100 }).toBe('completed');
    await rests();
    await expect.poll(() => countMessages('Late')).toBe(answer === 'accepted' ? 1 : 0);
    expect(await countMessages('Now')).toBe(1);
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
