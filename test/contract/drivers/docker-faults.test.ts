// @module-tag all
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createDockerDriver } from '../../../drivers/docker/docker.ts';
import type { Driver, Pausable, Poolable, ProvisionProgress, SandboxLink } from '../../../drivers/driver.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import { askDaemon, budget, sh, testSpec } from '../../support/conformance/harness.ts';
import {
  type DockerHarness,
  docker,
  dockerHarness,
  dockerHost,
  hasDocker,
  testImage,
} from '../../support/sandboxes/docker.ts';
import { type EngineProxy, engineProxy } from '../../support/sandboxes/engine-proxy.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';

/**
 * Deadline of an engine answer. Even a busy machine answers within it, and a test waits for it when an answer hangs.
 */
const answerMs = 6_000;

describe.skipIf(!(await hasDocker()))('docker driver in trouble', () => {
  let harness: DockerHarness;
  let proxy: EngineProxy;
  let driver: Driver & Pausable & Poolable;
  const spec = (over = {}) => testSpec(testImage, over);
  const containersOf = async (id: string) =>
    (await docker('ps', '-aq', '--filter', `label=corral.sandbox=${id}`)).split('\n');
  /** A sandbox that runs, and its link. */
  async function running() {
    const { id } = await driver.provision(spec(), budget());
    return { id, link: await attached(id) };
  }
  async function attached(id: SandboxId) {
    const link = await driver.attach(id, budget());
    onTestFinished(() => link[Symbol.asyncDispose]());
    return link;
  }
  const isLost = async ({ lost }: SandboxLink) => await expect.poll(() => lost.aborted).toBe(true);

  beforeAll(async () => {
    await using first = await dockerHarness();
    await using warm = await first.connect();
    const { id } = await warm.provision(testSpec(testImage), budget(300_000)); // builds the image in advance
    await warm.destroy(id, 'remove', budget());
  });
  beforeEach(async () => {
    harness = await dockerHarness();
    proxy = await engineProxy(dockerHost);
    driver = await createDockerDriver(harness.options({ host: proxy.host }));
  });
  afterEach(async () => {
    await driver[Symbol.asyncDispose]();
    await using sweeper = await harness.connect();
    for (const { id } of await sweeper.list(budget())) await sweeper.destroy(id, 'remove', budget());
    await proxy[Symbol.asyncDispose]();
    await harness[Symbol.asyncDispose]();
  });

  test('F003 a container whose server died before it could note it is found by its labels and adopted', async () => {
    const sandboxSpec = spec();
    proxy.cause(/POST .*\/start/, 'hang');
    const dying = driver.provision(sandboxSpec, budget()).catch((error) => error);
    await expect.poll(() => proxy.hits).toBe(1);
    const next = await harness.connect(); // while the old driver's request hangs, as if its process had died
    const { id, epoch } = sandboxSpec;
    expect(await next.list(budget())).toMatchObject([{ id, epoch, phase: 'starting' }]);
    expect(await next.provision(sandboxSpec, budget())).toMatchObject({ phase: 'ready' });
    expect(await next.list(budget())).toHaveLength(1);
    await next[Symbol.asyncDispose]();
    await driver.destroy(id, 'remove', budget());
    await dying;
  });

  test.each(['kill', 'rm -f'])('F017 F018 docker %s is noticed within 5 s without anyone asking', async (command) => {
    const { id, link } = await running();
    const requested = proxy.seen.length;
    const hanging = askDaemon(link, 'POST', '/exec', { command: 'sleep 60' }).catch((error) => error);
    await docker(...command.split(' '), harness.nameOf(id));
    await isLost(link);
    expect(link.lost.reason.publicMessage).toMatch(/exit code 137|removed/);
    expect(await hanging).toBeInstanceOf(Error);
    expect(proxy.seen.length - requested).toBeLessThan(3); // no polling
  });

  test('F020 a paused sandbox is listed as such, answers after it was resumed, and can be destroyed paused', async () => {
    const { id, link } = await running();
    for (let n = 0; n < 2; n++) await driver.pause(id, budget());
    expect(await driver.list(budget())).toMatchObject([{ phase: 'paused' }]);
    for (let n = 0; n < 2; n++) await driver.resume(id, budget());
    expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
    await driver.pause(id, budget());
    await driver.destroy(id, 'remove', budget());
    expect(await harness.remains(id)).toEqual([]);
  });

  test('F024 an engine that hangs ends each call at its deadline, and the late container is removed or adopted', async () => {
    const sandboxSpec = spec();
    proxy.cause(/POST .*create/, { delayMs: 1_500 }, 1);
    await expect(driver.provision(sandboxSpec, budget(500))).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(await driver.provision(sandboxSpec, budget())).toMatchObject({ phase: 'ready' });
    expect(await containersOf(sandboxSpec.id)).toHaveLength(1);
    await expect.poll(proxy.connections).toBeLessThan(2); // only the connection that watches events
    for (const call of [/_ping/, /containers\/json/, /\/json/]) proxy.cause(call, 'hang');
    const calls = [() => driver.check(budget(300)), () => driver.list(budget(300))];
    for (const call of [...calls, () => driver.attach(sandboxSpec.id, budget(300))])
      await expect(call()).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await expect.poll(proxy.connections).toBeLessThan(2); // no hung request keeps a connection open
  });

  test('F024 a create and a start that the engine never answers cost a start only the time that an answer may take', async () => {
    await using patient = await createDockerDriver(harness.options({ host: proxy.host, answerMs }));
    for (const what of [/POST .*create/, /POST .*\/start/]) proxy.cause(what, 'hang', 1);
    const both = await Promise.all([spec(), spec()].map((it) => patient.provision(it, budget())));
    expect([both.map(({ phase }) => phase), proxy.hits]).toEqual([['ready', 'ready'], 2]);
    for (const { id } of both) expect(await containersOf(id)).toHaveLength(1);
    await expect.poll(proxy.connections).toBeLessThan(2); // only the connection that watches events
  });

  test('F024 a question that the engine never answers fails one start', { tags: ['nightly'] }, async () => {
    await using patient = await createDockerDriver(harness.options({ host: proxy.host, answerMs }));
    const sandboxSpec = spec();
    proxy.cause(/GET .*volumes/, 'hang', 1);
    await expect(patient.provision(sandboxSpec, budget())).rejects.toMatchObject({ code: 'driver_unavailable' });
    expect(await patient.provision(sandboxSpec, budget())).toMatchObject({ phase: 'ready' });
  });

  test('F007 F024 a driver closes while the engine hangs in the middle of a start', async () => {
    const sandboxSpec = spec();
    proxy.cause(/POST .*\/start/, 'hang');
    const starting = driver.provision(sandboxSpec, budget()).catch((error) => error);
    await expect.poll(() => proxy.hits).toBe(1);
    proxy.cause(/./, 'hang');
    await driver[Symbol.asyncDispose]();
    expect(await starting).toMatchObject({ code: 'cancelled' });
  });

  test('F026 an unknown tag and a refusing registry are reported with their text, and nothing is left', async () => {
    const sandboxSpec = spec({ image: 'corral-test/absent:1' });
    proxy.cause(/images\/create/, 500);
    const expected = { code: 'image_missing', publicMessage: expect.stringContaining('trouble on demand') };
    await expect(driver.provision(sandboxSpec, budget())).rejects.toMatchObject(expected);
    expect(await harness.remains(sandboxSpec.id)).toEqual([]);
  });

  test('F026 concurrent sessions build an image once, each follows the build, and a failed build gives its reason', async () => {
    const received: ProvisionProgress[][] = [[], []];
    const name = `corral-test-build-${process.pid}`;
    const folder = folderOfTest();
    await writeFile(`${folder}/Dockerfile`, 'FROM debian:bookworm-slim\nRUN echo no way && false\n');
    const context = async () => ({ folder, files: ['Dockerfile'], hash: '0123456789abcdef' });
    const defaultImage = { name, context, buildNetwork: 'none' };
    await using builder = await createDockerDriver(harness.options({ host: proxy.host, defaultImage }));
    const sandboxSpec = received.map(() => spec({ image: name }));
    const starts = sandboxSpec.map((it, n) => builder.provision(it, budget(), (news) => received[n]?.push(news)));
    const reason = { code: 'image_missing', publicMessage: expect.stringContaining('false') };
    await Promise.all(starts.map((start) => expect(start).rejects.toMatchObject(reason)));
    expect((await Promise.all(sandboxSpec.map(({ id }) => harness.remains(id)))).flat()).toEqual([]);
    expect(proxy.seen.filter((line) => line.includes('/build?'))).toHaveLength(1);
    for (const list of received)
      expect(list.map(({ detail }) => detail).join('\n')).toContain('layer 2 of 2: RUN echo no way');
  });

  test('F027 a container of the same name that is not ours, or a newer owner’s, is left alone', async () => {
    const sandboxSpec = spec();
    const name = harness.nameOf(sandboxSpec.id);
    await docker('create', '--name', name, '--label', 'corral.session=other', 'debian:bookworm-slim');
    try {
      await expect(driver.provision(sandboxSpec, budget())).rejects.toMatchObject({ code: 'sandbox_unavailable' });
      await driver.destroy(sandboxSpec.id, 'remove', budget());
      expect(await docker('ps', '-aq', '--filter', `name=${name}`)).not.toBe('');
    } finally {
      await docker('rm', '-f', name);
    }
    await driver.provision({ ...sandboxSpec, epoch: 7 }, budget());
    await expect(driver.provision({ ...sandboxSpec, epoch: 6 }, budget())).rejects.toMatchObject({ code: 'fenced' });
    expect(await driver.provision({ ...sandboxSpec, epoch: 8 }, budget())).toMatchObject({ epoch: 7, phase: 'ready' });
  });

  test.each(['create', 'start'])('F028 a lost answer to %s leaves exactly one sandbox', async (call) => {
    const sandboxSpec = spec();
    proxy.cause(new RegExp(`POST .*/${call}`), 'cut', 1);
    const first = await driver.provision(sandboxSpec, budget()).catch((error) => error);
    expect(proxy.hits).toBe(1);
    if (first instanceof Error) expect(first).toMatchObject({ code: 'driver_unavailable', retryable: true });
    await driver.provision(sandboxSpec, budget());
    expect(await containersOf(sandboxSpec.id)).toHaveLength(1);
    expect(await askDaemon(await attached(sandboxSpec.id), 'GET', '/health')).toMatchObject({ status: 200 });
  });

  test('F029 an engine that can make or join no network starts sandboxes all the same: they ask for none', async () => {
    proxy.cause(/ \S*\/networks/, 403);
    const { id } = await driver.provision(spec(), budget());
    expect(proxy.seen.filter((line) => /\/networks/.test(line))).toEqual([]);
    expect((await docker('inspect', '-f', '{{.HostConfig.NetworkMode}}', harness.nameOf(id))).trim()).toBe('none');
    await driver.destroy(id, 'remove', budget());
    expect(proxy.hits).toBe(0);
  });

  test('F030 a sandbox that ignores TERM is removed, a second destroy joins the first, and no URL contained the token', async () => {
    const { id, link } = await running();
    await sh(link, 'setsid -f sh -c \'trap "" TERM; sleep 600\' >/dev/null 2>&1');
    await Promise.all([driver.destroy(id, 'remove', budget()), driver.destroy(id, 'remove', budget())]);
    expect(proxy.seen.filter((line) => line.startsWith('DELETE') && line.includes('/containers/'))).toHaveLength(1);
    expect(proxy.seen.filter((line) => line.includes('TOKEN'))).toEqual([]); // the engine could log it
    expect(proxy.seen.find((line) => line.includes('/containers/create'))).toMatch(/create\?name=[\w-]+$/);
  });

  test('F135 a removal is whole although the engine’s answers about the container and the volume are lost', async () => {
    const { id } = await driver.provision(spec(), budget());
    proxy.cause(/DELETE /, 'cut', 2);
    for (const _ of ['container', 'volume'])
      await expect(driver.destroy(id, 'remove', budget())).rejects.toMatchObject({ code: 'driver_unavailable' });
    expect(await harness.remains(id)).toEqual([]);
  });

  test('F135 the folder of a start that could not clean up is listed, and removed by a destroy', async () => {
    const sandboxSpec = spec();
    const { id, sessionId, epoch } = sandboxSpec;
    proxy.cause(/containers\/create/, 500);
    proxy.cause(new RegExp(`GET .*${harness.nameOf(id)}/json`), 500);
    await expect(driver.provision(sandboxSpec, budget())).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    proxy.calm();
    expect(await driver.list(budget())).toMatchObject([{ id, sessionId, epoch, phase: 'stopped' }]);
    await driver.destroy(id, 'remove', budget());
    expect(await harness.remains(id)).toEqual([]);
  });

  test('F135 a folder that a killed server left without a record is listed, and removed by a destroy', async () => {
    const { id, sessionId } = spec();
    await mkdir(`${harness.root}/${id}/mount`, { recursive: true });
    expect(await driver.list(budget())).toMatchObject([{ id, sessionId, phase: 'stopped' }]);
    await driver.destroy(id, 'remove', budget());
    expect([await driver.list(budget()), await harness.remains(id)]).toEqual([[], []]);
  });

  test('F135 among several servers a folder is listed once it is too old to be the beginning of a start', async () => {
    const { id } = spec();
    const folder = `${harness.root}/${id}`;
    await mkdir(folder);
    await using other = await harness.connect({ replica: 'other' });
    expect(await other.list(budget())).toEqual([]);
    await utimes(folder, 0, 0);
    expect(await other.list(budget())).toMatchObject([{ id, phase: 'stopped' }]);
  });

  test('the folder of a sandbox that starts for the pool is not listed', async () => {
    const sandboxSpec = spec();
    proxy.cause(/containers\/create/, { delayMs: 1_000 });
    const starting = driver.warm(sandboxSpec, 'recipe', budget());
    await expect.poll(() => proxy.hits).toBe(1);
    expect(await driver.list(budget())).toEqual([]);
    await starting;
    await driver.discard(sandboxSpec.id, budget());
    expect(await harness.remains(sandboxSpec.id)).toEqual([]);
  });

  test('a watch that the engine cut continues, and still reports the end', async () => {
    proxy.cause(/\/events/, 500, 2);
    const { id, link } = await running();
    await expect.poll(() => proxy.hits).toBe(2);
    expect(link.lost.aborted).toBe(false);
    await docker('kill', harness.nameOf(id));
    await isLost(link);
  });

  test('F025 the end of a sandbox is noticed when the engine sends no more events', { tags: ['nightly'] }, async () => {
    proxy.cause(/\/events/, 'hang', 1_000);
    const { id, link } = await running();
    await expect.poll(() => proxy.hits).toBeGreaterThan(0);
    await docker('kill', harness.nameOf(id));
    await isLost(link);
  });

  test('a container whose folder was lost cannot be reached, and is replaced on the same workspace', async () => {
    const sandboxSpec = spec();
    await driver.provision(sandboxSpec, budget());
    await sh(await attached(sandboxSpec.id), 'echo mine > /workspace/file');
    await driver[Symbol.asyncDispose]();
    await rm(`${harness.root}/${sandboxSpec.id}`, { recursive: true });
    driver = await createDockerDriver(harness.options({ host: proxy.host }));
    await expect(driver.attach(sandboxSpec.id, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
    await driver.provision(sandboxSpec, budget());
    expect(await sh(await attached(sandboxSpec.id), 'cat /workspace/file')).toBe('mine\n');
  });

  const owns = /PUT .*archive/;
  const starts = /POST .*\/start/;
  const orderOf = (...calls: RegExp[]) => calls.map((call) => proxy.seen.findIndex((line) => call.test(line)));
  const answer = (status: number, body: object) => async (response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  test('a start gives the workspace to its user while the daemon starts, and ends only then', async () => {
    proxy.cause(owns, 'hang');
    const starting = driver.provision(spec(), budget()).catch((error) => error);
    await expect.poll(() => proxy.hits).toBe(1);
    const [started, owned] = orderOf(starts, owns);
    expect(started).toBeGreaterThan(0);
    expect(owned).toBeGreaterThan(Number(started));
    await driver[Symbol.asyncDispose]();
    expect(await starting).toMatchObject({ code: 'cancelled' });
    proxy.calm();

    driver = await createDockerDriver(harness.options({ host: proxy.host }));
    const { link } = await running();
    expect(await sh(link, 'touch -d 2020-01-02 . && chmod 750 . && stat -c %u . && id -u')).toMatch(/^(\d+)\n\1\n$/);
  });

  test('a start that cannot give the workspace to its user, because the engine falls silent, leaves nothing', async () => {
    const sandboxSpec = spec();
    proxy.cause(owns, 'cut', 2);
    await expect(driver.provision(sandboxSpec, budget())).rejects.toMatchObject({ code: 'driver_unavailable' });
    expect(await harness.remains(sandboxSpec.id)).toEqual([]);
    proxy.cause(owns, 'cut', 1);
    expect(await driver.provision(sandboxSpec, budget())).toMatchObject({ phase: 'ready' });
  });

  test('gVisor keeps the owner that a mount has at the start, so a workspace gets it before', async () => {
    await using gvisor = await createDockerDriver(harness.options({ host: proxy.host, runtime: 'runsc' }));
    proxy.cause(/POST .*create/, answer(201, { Id: 'made' }));
    proxy.cause(owns, answer(200, {}));
    proxy.cause(starts, answer(500, { message: 'no gVisor here' }));
    await expect(gvisor.provision(spec(), budget())).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    const [started = 0, owned] = orderOf(starts, owns);
    expect(owned).toBeLessThan(started);
  });

  test('a remote engine is refused with the reason, a dead one is unavailable', async () => {
    const expected = { code: 'unsupported', publicMessage: expect.stringContaining('do not cross machines') };
    await expect(createDockerDriver(harness.options({ host: 'tcp://10.0.0.1:2375' }))).rejects.toMatchObject(expected);
    await using dead = await createDockerDriver(harness.options({ host: 'unix:///nowhere/docker.sock' }));
    await expect(dead.check(budget())).rejects.toMatchObject({ code: 'driver_unavailable', retryable: true });
  });
});
