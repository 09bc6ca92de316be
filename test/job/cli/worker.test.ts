// @module-tag all
import { once } from 'node:events';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Corral } from '../../../src/client/index.ts';
import { environmentKey, type WorkQueue, workQueue } from '../../support/agents/work-queue.ts';
import { boxesOf, startWorker } from '../../support/agents/worker-process.ts';
import { needs } from '../../support/servers/components.ts';
import { bundledCli, type PackedCli } from '../../support/servers/packed-cli.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';

// `corral worker` as a process of its own, between a queue and a real server whose sandboxes are processes.
let cli: PackedCli;
let server: ServerProcess;
let corral: Corral;
const token = 'the-token-of-the-worker';

beforeAll(async () => {
  cli = await bundledCli();
  server = await serverProcess({ CORRAL_DRIVER: 'process', CORRAL_TOKEN: token });
  corral = new Corral({ url: server.url, token });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await cli?.[Symbol.asyncDispose]();
});

async function queueOfTest(options?: Parameters<typeof workQueue>[0]): Promise<WorkQueue> {
  const queue = await workQueue(options);
  onTestFinished(async () => {
    await queue[Symbol.asyncDispose]();
    for await (const { id } of corral.list()) await (await corral.open(id)).remove();
  });
  return queue;
}

const begin = (queue: WorkQueue, ...args: string[]) =>
  startWorker(cli.program, ['--environment', queue.environmentId, ...args], {
    ANTHROPIC_ENVIRONMENT_KEY: environmentKey,
    ANTHROPIC_BASE_URL: queue.url,
    CORRAL_URL: server.url,
    CORRAL_TOKEN: token,
  });
const resultOf = async (queue: WorkQueue, callId: string) => {
  await queue.until(() => queue.results(callId).length > 0);
  const [{ content, is_error: isError }] = queue.results(callId) as unknown as [
    { content: { text: string }[]; is_error: boolean },
  ];
  return { text: content.map(({ text }) => text).join(''), isError };
};
test('an agent works by its tools in a sandbox of its own, which goes with its session', async (context) => {
  await needs(context, 'bubblewrap'); // a sandbox without walls has no egress to close
  const queue = await queueOfTest();
  begin(queue, '--egress', 'none');
  const session = queue.begin();
  const run = (name: string, input: object) => resultOf(queue, queue.call(session, name, input));
  const expected = { text: 'made', isError: false };
  expect(await run('bash', { command: 'export NAME=one; mkdir -p sub; cd sub; echo made' })).toEqual(expected);
  expect((await run('bash', { command: 'echo "$NAME $(basename "$PWD")"' })).text).toBe('one sub');
  expect((await run('bash', { restart: true, command: 'echo "$NAME:$(basename "$PWD")"' })).text).not.toMatch(
    /^one|:sub$/,
  );
  expect(await run('bash', { command: 'echo broken; exit 3' })).toEqual({ text: 'broken', isError: true });
  expect((await run('bash', { command: 'sleep 1000 >/dev/null & echo $! >pid' })).isError).toBe(false);
  expect(await run('bash', { command: 'kill "$(cat pid)" && echo was alive' })).toEqual({
    text: 'was alive',
    isError: false,
  });
  expect((await run('bash', { command: 'sleep 60', timeout_ms: 1 })).text).toContain('ended after 1 s');
  expect((await run('write', { file_path: 'notes/a.md', content: 'one\ntwo\nthree' })).isError).toBe(false);
  const edit = { file_path: 'notes/a.md', old_string: 'two', new_string: '$& 2' };
  expect((await run('edit', edit)).isError).toBe(false);
  expect((await run('edit', { ...edit, old_string: 'ten' })).text).toContain('is not in notes/a.md');
  expect((await run('read', { file_path: 'notes/a.md', view_range: [2, 2] })).text).toBe('$& 2');
  expect((await run('glob', { pattern: '**/*.md' })).text).toContain('notes/a.md');
  expect((await run('grep', { pattern: 'thr' })).text).toContain('notes/a.md:3:three');
  expect((await run('read', { file_path: '/etc/passwd' })).isError).toBe(true);
  expect((await run('write', { content: 'no path' })).text).toContain('file_path');

  const [id = ''] = await boxesOf(corral, session);
  expect(JSON.stringify(await (await corral.open(id)).exec('env; cat /proc/self/environ'))).not.toContain(
    environmentKey,
  );
  queue.end(session);
  await expect.poll(() => boxesOf(corral, session)).toEqual([]);
  expect(queue.refused).toEqual([]);
});

test('a worker that is killed neither loses a command nor runs it twice', { tags: ['nightly'] }, async () => {
  const queue = await queueOfTest();
  const first = begin(queue);
  const session = queue.begin();
  const command = 'echo ran >>count; until [ -e go ]; do sleep 0.1; done; wc -l <count';
  const call = queue.call(session, 'bash', { command });
  await expect.poll(() => boxesOf(corral, session)).toHaveLength(1);
  const [id = ''] = await boxesOf(corral, session);
  const box = await corral.open(id);
  const ran = () => box.files.read('count').catch(() => '');
  await expect.poll(ran).toBe('ran\n');
  first.kill('SIGKILL');
  await once(first, 'exit');

  queue.requeue(session);
  begin(queue);
  await queue.until(() => queue.isStreamed(session));
  await box.files.write('go', '');
  expect(await resultOf(queue, call)).toEqual({ text: '1', isError: false });
  expect([await ran(), await boxesOf(corral, session), queue.results(call).length]).toEqual(['ran\n', [id], 1]);
});

test('a call that needs a permission waits for it; an interrupt ends what runs', { tags: ['nightly'] }, async () => {
  const queue = await queueOfTest();
  begin(queue);
  const session = queue.begin();
  const [held, denied] = ['allow', 'deny'].map(() => queue.call(session, 'bash', { command: 'echo >>marker' }, 'ask'));
  const later = queue.call(session, 'write', { file_path: 'later', content: '' });
  await resultOf(queue, later);
  const [id = ''] = await boxesOf(corral, session);
  const box = await corral.open(id);
  expect((await box.files.list()).map(({ name }) => name)).not.toContain('marker');
  queue.log(session, { type: 'user.tool_confirmation', tool_use_id: denied, result: 'deny' });
  queue.log(session, { type: 'user.tool_confirmation', tool_use_id: held, result: 'allow' });
  expect([(await resultOf(queue, held ?? '')).isError, await box.files.read('marker')]).toEqual([false, '\n']);

  const endless = queue.call(session, 'bash', { command: 'echo $$ >pid; sleep 1000' });
  await expect.poll(() => box.files.read('pid').catch(() => '')).not.toBe('');
  queue.log(session, { type: 'user.interrupt' });
  const alive = async () => (await box.exec('kill -0 "$(cat pid)"')).exitCode === 0;
  await expect.poll(alive).toBe(false);
  expect((await resultOf(queue, queue.call(session, 'bash', { command: 'echo next' }))).text).toBe('next');
  expect([queue.results(endless), queue.results(denied ?? '')]).toEqual([[], []]);
});

test('a box is removed whose session ended while no worker served it', { tags: ['nightly'] }, async () => {
  const queue = await queueOfTest();
  const first = begin(queue);
  const session = queue.begin();
  await resultOf(queue, queue.call(session, 'bash', { command: 'true' }));
  first.kill('SIGTERM');
  await once(first, 'exit');
  expect(await boxesOf(corral, session)).toHaveLength(1);
  queue.end(session);
  begin(queue);
  await expect.poll(() => boxesOf(corral, session)).toEqual([]);
});
