import { expect, test, vi } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { BuildStep } from '../../../../src/core/model/sandboxes/built-template.ts';
import type { BuildPlan } from '../../../../src/sessions/api/server/template-builds.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { buildBench } from '../../../support/sandboxes/fake-builds.ts';

const run = (command: string): BuildStep => ({ type: 'RUN', command });
const base = { image: 'e2bdev/base' } as const;
const bytes = async function* (text: string) {
  yield Buffer.from(text);
};
const options = { maxBytes: 1_000, signal: new AbortController().signal };

function bench(more: Parameters<typeof buildBench>[1] = {}) {
  const clock = manualClock(1_000);
  const made = buildBench(clock, more);
  const { service, backend } = made;
  const begin = async (plan: Omit<BuildPlan, 'base'> & Partial<BuildPlan>, name = 'mine', owner = 'ann') => {
    const { template, build } = await service.begin({ name, tags: [], owner });
    await service.start(template.id, build.id, { base, ...plan });
    return { template, build };
  };
  type Begun = Awaited<ReturnType<typeof begin>>;
  const now = ({ template, build: one }: Begun) => service.build(template.id, one.id);
  const build = async (...args: Parameters<typeof begin>) => {
    const begun = await begin(...args);
    await vi.waitFor(async () => expect(['ready', 'error']).toContain((await now(begun)).status));
    return { ...begun, ended: await now(begun) };
  };
  const becomes = (begun: Begun, expected: object) =>
    vi.waitFor(async () => expect(await now(begun)).toMatchObject(expected));
  /** Makes this command wait; resolves with the build once it runs, and `end` ends the command. */
  const waitsAt = async (command: string, name?: string) => {
    const gate = Promise.withResolvers<number>();
    backend.answer = (one) => (one === command ? gate.promise : 0);
    const begun = await begin({ steps: [run(command)] }, name);
    await vi.waitFor(() => expect(backend.ran.at(-1)?.argv.at(-1)).toBe(command));
    return { ...begun, end: () => gate.resolve(0) };
  };
  const timesRun = (command: string) => backend.ran.filter(({ argv }) => argv.at(-1) === command).length;
  const log = async ({ template, build: one }: Begun) =>
    (await service.log(template.id, one.id, { offset: 0, limit: 1_000 })).entries.map(({ text }) => text);
  return { ...made, clock, begin, build, becomes, waitsAt, timesRun, log };
}

test('steps run in their order with their user, folder and variables, and the image gets the name', async () => {
  const { service, backend, build } = bench();
  const { ended, template } = await build({
    steps: [
      { type: 'ENV', pairs: [['A', '1']] },
      { type: 'RUN', command: 'apt-get update', user: 'root' },
      { type: 'WORKDIR', path: '/app' },
      run('make'),
    ],
  });
  const ran = backend.ran.filter(({ argv }) => ['apt-get update', 'make'].includes(argv.at(-1) ?? ''));
  expect(ran.map(({ user, argv, env }) => [user, argv.at(-2), env])).toEqual([
    ['root', '/home/user', expect.objectContaining({ HOME: '/root', A: '1' })],
    ['user', '/app', expect.objectContaining({ HOME: '/home/user', A: '1' })],
  ]);
  expect(backend.kept).toEqual([{ name: ended.image, env: { A: '1' } }]);
  expect([backend.started.map(({ image }) => image), backend.removed]).toEqual([['corral/sandbox'], 1]);
  expect(await service.findImage('mine', { owner: 'ann' })).toEqual({ image: ended.image });
  expect(await service.findImage(template.id, { owner: 'ann' })).toEqual({ image: ended.image });
});

test('a step that fails ends the build with its number, keeps no image and leaves older tags as they were', async () => {
  const { service, backend, build, timesRun, log } = bench();
  const first = await build({ steps: [run('true')] });
  backend.answer = (command) => (command === 'false' ? 3 : 0);
  const second = await build({ steps: [run('true'), run('false'), run('never')] });
  expect(second.ended).toMatchObject({ status: 'error', reason: { step: '2', message: /exit code 3/ } });
  expect([timesRun('never'), backend.removed]).toEqual([0, 2]);
  expect(await service.findImage('mine', { owner: 'ann' })).toEqual({ image: first.ended.image });
  expect((await log(second)).at(-1)).toMatch(/exit code 3/);
});

test('a build with the same steps runs nothing, one with more runs the rest, and a forced one runs all', async () => {
  const { backend, build, timesRun } = bench();
  const first = await build({ steps: [run('one')] });
  expect((await build({ steps: [run('one')] })).ended.image).toBe(first.ended.image);
  expect(timesRun('one')).toBe(1);
  await build({ steps: [run('one'), run('two')] });
  expect(timesRun('one')).toBe(1);
  expect(backend.started.at(-1)?.image).toBe(first.ended.image);
  await build({ steps: [run('one'), run('two')], freshFrom: 0 });
  expect(timesRun('one')).toBe(2);
});

test("another owner's image is no cache, and its template is unknown", async () => {
  const { service, build, timesRun } = bench();
  await build({ steps: [run('one')] }, 'mine', 'ann');
  await build({ steps: [run('one')] }, 'mine', 'bob');
  expect(timesRun('one')).toBe(2);
  await build({ steps: [] }, 'hers', 'ann');
  await expect(service.findImage('hers', { owner: 'bob' })).rejects.toMatchObject({ code: 'not_found' });
  expect((await build({ steps: [], base: { template: 'mine' } }, 'next', 'bob')).ended.status).toBe('ready');
  const { template, build: one } = await service.begin({ name: 'x', tags: [], owner: 'bob' });
  const stolen = service.start(template.id, one.id, { base: { template: 'hers' }, steps: [] });
  await expect(stolen).rejects.toMatchObject({ code: 'not_found' });
});

test('members build one template of a project, with files that none of them has at home', async () => {
  const { service } = bench();
  const begin = (owner: string, projectId?: string) => service.begin({ name: 'mine', tags: [], owner, projectId });
  const own = await begin('ann');
  await service.putFiles(own.template.id, 'h1', bytes('archive'), options);
  const [{ template }, next] = [await begin('ann', 'p'), await begin('bob', 'p')];
  expect([next.template.id, await service.hasFiles(template.id, 'h1')]).toEqual([template.id, false]);
  expect(await service.builds(template.id)).toHaveLength(2);
  expect((await service.list('bob', ['p'])).map(({ id }) => id)).toEqual([template.id]);
  expect((await service.list('ann')).map(({ id }) => id)).toEqual([own.template.id]);
  await expect(service.findImage(template.id, { owner: 'ann' })).rejects.toMatchObject({ code: 'not_found' });
  await expect(service.findImage('mine', { owner: 'bob', projectId: 'p' })).rejects.toMatchObject({ code: 'conflict' });
});

test('COPY takes the files that its owner uploaded, as a stream', async () => {
  const { service, backend, build } = bench();
  const copy: BuildStep = { type: 'COPY', from: 'a', to: 'b/', files: 'h1', user: 'root', mode: '0644' };
  const { template, build: one } = await service.begin({ name: 'mine', tags: [], owner: 'ann' });
  const missing = service.start(template.id, one.id, { base, steps: [copy] });
  await expect(missing).rejects.toMatchObject({ code: 'invalid_request' });
  await service.putFiles(template.id, 'h1', bytes('archive'), options);
  await build({ steps: [copy] });
  const expected = { user: 'root', argv: expect.arrayContaining(['a', '/home/user/b/', '0:0', '0644']) };
  expect(backend.ran.find(({ input }) => input === 'archive')).toMatchObject(expected);
  const strange = await service.begin({ name: 'his', tags: [], owner: 'bob' });
  expect(await service.hasFiles(strange.template.id, 'h1')).toBe(false);
});

test('bases outside the list, reserved names, second starts and too many templates are refused', async () => {
  const { service, build, begin } = bench({ policy: { ownerCount: 1 } });
  const expected = { code: 'invalid_request', publicMessage: expect.stringContaining('e2bdev/base, corral/sandbox') };
  await expect(begin({ steps: [], base: { image: 'evil/image' } })).rejects.toMatchObject(expected);
  await expect(begin({ steps: [] }, 'base')).rejects.toMatchObject({ code: 'conflict' });
  const { template, build: one } = await build({ steps: [] });
  await expect(service.start(template.id, one.id, { base, steps: [] })).rejects.toMatchObject({ code: 'conflict' });
  await expect(begin({ steps: [] }, 'second')).rejects.toMatchObject({ code: 'quota' });
});

test('where nothing is built, the ability says why and a build is refused with it', async () => {
  const off = bench({ policy: { allow: 'off' } });
  expect(await off.service.ability()).toMatchObject({ builds: 'none', reason: /CORRAL_BUILDS_ALLOW=on/ });
  const none = bench({ noBuilds: 'it has no images' });
  expect(await none.service.ability()).toMatchObject({ builds: 'none', reason: /it has no images/ });
  const refused = none.service.begin({ name: 'x', tags: [] });
  const expected = { code: 'unsupported', publicMessage: expect.stringMatching(/no images/) };
  await expect(refused).rejects.toMatchObject(expected);
});

test('tags name builds, and move with a newer one', async () => {
  const { service, build } = bench();
  const first = await build({ steps: [run('one')] }, 'mine:v1');
  const second = await build({ steps: [run('two')] }, 'mine');
  await service.tag(first.template.id, 'v1', ['stable']);
  expect(await service.findImage('mine:stable', { owner: 'ann' })).toEqual({ image: first.ended.image });
  expect(await service.findImage('mine', { owner: 'ann' })).toEqual({ image: second.ended.image });
  await service.untag(first.template.id, ['stable']);
  await expect(service.findImage('mine:stable', { owner: 'ann' })).rejects.toMatchObject({ code: 'conflict' });
});

test('a clean-up removes images that no tag and no session needs, and those of a deleted template', async () => {
  let inUse: string[] = [];
  const { builds, service, backend, build, clock } = bench({ inUse: () => inUse });
  const first = await build({ steps: [run('one')] });
  const second = await build({ steps: [run('two')] });
  clock.advance(1_000);
  inUse = [first.ended.image ?? ''];
  await builds.collect(clock.now());
  expect([...backend.images]).toEqual([first.ended.image, second.ended.image]);
  inUse = [];
  await builds.collect(clock.now());
  expect([...backend.images]).toEqual([second.ended.image]);
  await service.remove(second.template.id);
  expect([...backend.images]).toEqual([]);
});

test('a build over its time ends with an error, and its container is removed', async () => {
  const { backend, becomes, waitsAt, clock } = bench({ policy: { maxSeconds: 5 } });
  const begun = await waitsAt('sleep');
  clock.advance(5_000);
  await becomes(begun, { status: 'error', reason: { message: expect.stringContaining('5 s') } });
  expect(backend.removed).toBe(1);
});

test('no more builds run at once than the operator allows, and those that wait follow', async () => {
  const { backend, begin, becomes, waitsAt } = bench({ policy: { atOnce: 1 } });
  const first = await waitsAt('first', 'one');
  const second = await begin({ steps: [run('second')] }, 'two');
  expect(backend.started).toHaveLength(1);
  first.end();
  await becomes(second, { status: 'ready' });
  expect(backend.started).toHaveLength(2);
});

test('a build whose server is gone is an error at the next start', async () => {
  const { builds, backend, begin, becomes } = bench();
  backend.answer = () => new Promise<number>(() => {});
  const begun = await begin({ steps: [] });
  await becomes(begun, { status: 'building' });
  await builds.adopt();
  await becomes(begun, { status: 'error', reason: { message: /server/ } });
});

test('a plan that is refused ends its build, so that plans with mistakes keep nobody out', async () => {
  const { service } = bench();
  for (let n = 0; n < 15; n++) {
    const { template, build } = await service.begin({ name: 'mine', tags: [], owner: 'ann' });
    const refused = service.start(template.id, build.id, { base: { image: 'evil/image' }, steps: [] });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request' });
    const expected = { status: 'error', reason: { message: expect.stringContaining('evil/image') } };
    expect(await service.build(template.id, build.id)).toMatchObject(expected);
  }
});

test('a second start with a mistake does not touch the build that runs', async () => {
  const { service, becomes, waitsAt } = bench();
  const running = await waitsAt('wait');
  const evil = { base: { image: 'evil/image' }, steps: [] };
  const again = service.start(running.template.id, running.build.id, evil);
  await expect(again).rejects.toMatchObject({ code: 'invalid_request' });
  running.end();
  await becomes(running, { status: 'ready' });
});

test('a build is stopped while it waits for its steps, and while it runs', async () => {
  const { service, backend, becomes, waitsAt } = bench();
  const idle = await service.begin({ name: 'mine', tags: [], owner: 'ann' });
  expect(await service.cancel(idle.template.id, idle.build.id)).toMatchObject({ status: 'error' });
  const late = service.start(idle.template.id, idle.build.id, { base, steps: [] });
  await expect(late).rejects.toMatchObject({ code: 'conflict' });
  const running = await waitsAt('wait');
  await service.cancel(running.template.id, running.build.id);
  await becomes(running, { status: 'error', reason: { message: /stopped/ } });
  expect(backend.removed).toBe(1);
  const ids = (await service.builds(idle.template.id)).map(({ id }) => id);
  expect(ids.sort()).toEqual([running.build.id, idle.build.id].sort());
});

test('a build ends when the disk of the host is nearly full, and none begins then', async () => {
  let isFull = false;
  const admit = async () => {
    if (isFull) throw new AppError('disk_full', 'The disk is nearly full.');
  };
  const { backend, begin, becomes, waitsAt, clock } = bench({ admit });
  const first = await waitsAt('fill');
  isFull = true;
  clock.advance(3_000);
  const full = { status: 'error', reason: { message: /nearly full/ } };
  await becomes(first, full);
  await becomes(await begin({ steps: [run('true')] }), full);
  expect(backend.started).toHaveLength(1);
});

test('uploads at the same time count together, and an owner has a number of them', async () => {
  const { service } = bench({ policy: { ownerFileBytes: 100 } });
  const { template } = await service.begin({ name: 'mine', tags: [], owner: 'ann' });
  const gate = Promise.withResolvers<void>();
  const slow = async function* () {
    yield Buffer.alloc(60);
    await gate.promise;
    yield Buffer.alloc(60);
  };
  const both = ['a', 'b'].map((hash) => service.putFiles(template.id, hash, slow(), options));
  gate.resolve();
  const refused = (await Promise.allSettled(both)).filter(({ status }) => status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  for (const one of refused) expect(one).toMatchObject({ reason: { code: expect.stringMatching(/quota|payload/) } });
});

test("an administrator's program that asks for a name gets no template of another person", async () => {
  const { service, build } = bench();
  const { template, ended } = await build({ steps: [run('evil')] }, 'python', 'ann');
  await expect(service.findImage('python')).rejects.toMatchObject({ code: 'not_found' });
  expect(await service.findImage(template.id)).toEqual({ image: ended.image });
});

test('variables of the image are known to ENV of a Dockerfile, and those of ARG to one command alone', async () => {
  const { backend, build } = bench();
  await build({
    steps: [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the build fills it in
      { type: 'ENV', pairs: [['PATH', '/opt/x:${PATH}']], isOpen: true },
      { type: 'RUN', command: 'one', vars: [['V', '1']] },
      run('two'),
    ],
  });
  const envOf = (command: string) => backend.ran.find(({ argv }) => argv.at(-1) === command)?.env;
  expect(envOf('one')).toMatchObject({ PATH: '/opt/x:/usr/bin', V: '1' });
  expect(envOf('two')).not.toHaveProperty('V');
  expect(backend.kept).toEqual([expect.objectContaining({ env: { PATH: '/opt/x:/usr/bin' } })]);
});

test('a start command is kept with its folder, in a build of its own with an image of the same steps', async () => {
  const { service, build, log } = bench();
  const steps = [{ type: 'WORKDIR', path: '/app' }, run('make')] as const;
  const plain = await build({ steps });
  const start = { command: 'serve', ready: { port: 8080 } };
  const begun = await build({ steps, start });
  const expected = { image: plain.ended.image, start: { ...start, folder: '/app' } };
  expect(await service.findImage('mine', { owner: 'ann' })).toEqual(expected);
  expect(await log(begun)).toContain('The start command runs in each sandbox, not in the build');
  await build({ steps });
  expect(await service.findImage('mine', { owner: 'ann' })).toEqual({ image: plain.ended.image });
  const { template, build: wrong } = await service.begin({ name: 'mine', tags: [], owner: 'ann' });
  const bad = service.start(template.id, wrong.id, { base, steps, start: { command: 'a\0b' } });
  await expect(bad).rejects.toMatchObject({ code: 'invalid_request' });
});
