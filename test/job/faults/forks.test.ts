// @module-tag all
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { trpcOf, type WorldServer, worldServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

const blobsIn = ({ server }: WorldServer) =>
  readdirSync(join(server.data, 'files'), { recursive: true, withFileTypes: true }).filter((it) => it.isFile());
const twoSteps = `${fence('sh', 'echo one > a.txt; mkdir -p deep; echo x > deep/b; chmod 750 deep/b')}\n${fence('sh', 'echo two > a.txt; rm -r deep')}`;

/** The seqs at which the steps of a session's runs completed. */
const stepsOf = (real: WorldServer, id: string) =>
  real.factsOf(id, 'step').flatMap(({ seq, data }) => (data.status === 'completed' ? [seq] : []));

inEachWorld('process', 'sessions forked with $driver', (world) => {
  test('a session forked at a step continues with the files and the conversation of that step, and both say so', async (context) => {
    await using real = await worldServer(context, world);
    const trpc = trpcOf(real);
    const id = await real.ready();
    await real.client.chat(id, twoSteps);
    const [first = 0] = stepsOf(real, id);

    const fork = await trpc.sessions.fork.mutate({ id, seq: first });
    expect(fork.forkedFrom).toEqual({ sessionId: id, seq: first, files: 'kept' });
    expect(real.factsOf(id, 'session.forked')).toMatchObject([{ data: { from: id, to: fork.id, atSeq: first } }]);
    expect(real.factsOf(fork.id, 'session.forked')).toMatchObject([{ data: { from: id, to: fork.id, atSeq: first } }]);
    const until = (of: string) =>
      real
        .log(of)
        .filter(({ seq }) => seq <= first)
        .map(({ seq, type, data }) => ({ seq, type, data }));
    expect(until(fork.id)).toEqual(until(id));

    expect(await real.says(fork.id, 'cat a.txt; stat -c "%a %s" deep/b')).toBe('one\n750 2\n');
    expect(await real.says(id, 'cat a.txt; ls')).toBe('two\na.txt\n');
    expect(JSON.stringify(await trpc.sessions.promptAt.query({ id: fork.id }))).toContain('echo one > a.txt');

    const again = await trpc.sessions.fork.mutate({ id: fork.id, title: 'Again' });
    expect(again).toMatchObject({ title: 'Again', forkedFrom: { sessionId: fork.id, files: 'kept' } });
    expect(await real.says(again.id, 'cat a.txt')).toBe('one\n');
    for (const one of [again.id, fork.id, id]) await real.holds(one);
    expect(blobsIn(real)).toEqual([]);
  });

  test('an edited message is a branch with the files of then', { tags: ['nightly'] }, async (context) => {
    await using real = await worldServer(context, world);
    const { edit, list } = trpcOf(real).sessions;
    const id = await real.ready();
    await real.client.chat(id, fence('sh', 'echo one > a.txt'));
    await real.client.chat(id, fence('sh', 'echo two > a.txt'));
    const [first = 0, second = 0] = real.factsOf(id, 'message.user').map(({ seq }) => seq);
    for (const [seq, text] of [
      [second, ' '],
      [second + 1, 'hi'],
      [999_999, 'hi'],
    ] as const)
      await expect(edit.mutate({ id, seq, text }), String(seq)).rejects.toMatchObject({ message: expect.any(String) });
    expect((await list.query()).items).toHaveLength(1);

    const made = await edit.mutate({ id, seq: second, text: fence('sh', 'cat a.txt') });
    const branch = { sessionId: id, seq: second };
    expect(made.session).toMatchObject({ branch, forkedFrom: { sessionId: id, seq: second - 1, files: 'kept' } });
    await expect.poll(() => real.factsOf(made.session.id, 'run.end').length).toBe(2);
    expect(real.factsOf(made.session.id, 'tool.called').at(-1)?.data.output).toBe('one\n');
    expect(await real.says(id, 'cat a.txt')).toBe('two\n');

    // The branch's own message, edited again, is the first message's third version.
    const own = real.factsOf(made.session.id, 'message.user').at(-1)?.seq ?? 0;
    const third = await edit.mutate({ id: made.session.id, seq: own, text: fence('sh', 'cat a.txt') });
    expect(third.session.branch).toEqual(branch);
    // A copied message belongs to the session that it was copied from; before the first message there are no files.
    const copied = await edit.mutate({ id: made.session.id, seq: first, text: fence('sh', 'ls'), stopsRun: true });
    expect(copied.session).toMatchObject({ branch: { sessionId: id, seq: first }, forkedFrom: { files: 'empty' } });
    for (const one of [copied.session.id, third.session.id, made.session.id, id]) {
      const open = () => real.factsOf(one, 'run.started').length - real.factsOf(one, 'run.end').length;
      await expect.poll(open).toBe(0);
      await real.holds(one);
    }
  });

  test('a message is not edited during a run unless the edit stops it', { tags: ['nightly'] }, async (context) => {
    await using real = await worldServer(context, world);
    const { sessions, runs } = trpcOf(real);
    const id = await real.ready();
    await runs.send.mutate({ sessionId: id, text: fence('sh', 'sleep 600') });
    await expect.poll(() => real.factsOf(id, 'tool.calling').length).toBe(1);
    const [seq = 0] = real.factsOf(id, 'message.user').map((one) => one.seq);
    await expect(sessions.edit.mutate({ id, seq, text: 'hi' })).rejects.toMatchObject({ data: { code: 'CONFLICT' } });
    const made = await sessions.edit.mutate({ id, seq, text: fence('sh', 'echo hi'), stopsRun: true });
    expect(real.factsOf(id, 'run.end')).toMatchObject([{ data: { status: 'stopped' } }]);
    await expect.poll(() => real.factsOf(made.session.id, 'run.end').length).toBe(1);
  });
});
