// @module-tag all
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { ProvisionProgress, SandboxLink, SandboxSpec } from '../../../drivers/driver.ts';
import { createKubernetesDriver, type KubernetesDriver } from '../../../drivers/kubernetes/kubernetes.ts';
import type { KubernetesOptions } from '../../../drivers/kubernetes/options.ts';
import { sessionIdOf } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { testPods } from '../../support/cluster/cluster.ts';
import { type KubeStub, kubeStub, runningStatus } from '../../support/cluster/kube-stub.ts';
import { askDaemon, budget, testSpec } from '../../support/conformance/harness.ts';
import { stubOptions } from '../../support/servers/stub-options.ts';

// Each test is one API fault that a real cluster does not produce on demand.
let stub: KubeStub;
let driver: KubernetesDriver;
const opened: KubernetesDriver[] = [];
const spec = (over: Partial<SandboxSpec> = {}) => testSpec('corral/sandbox', over);
const nameOf = ({ id }: SandboxSpec) => `corral-test-${sessionIdOf(id)}`;
const seen = (what: RegExp) => stub.seen.filter(({ line }) => what.test(line));

async function open(over: Partial<KubernetesOptions> = {}): Promise<KubernetesDriver> {
  const made = await createKubernetesDriver(stubOptions(stub, { maxInFlight: 3, ...over }));
  opened.push(made);
  return made;
}
beforeEach(async () => {
  stub = await kubeStub();
  driver = await open();
});
afterEach(async () => {
  for (const it of opened.splice(0)) await it[Symbol.asyncDispose]();
  await stub[Symbol.asyncDispose]();
});

/** A sandbox that runs, its link, and once the driver watches its pods. */
async function running(over: Partial<SandboxSpec> = {}) {
  const sandboxSpec = spec(over);
  await driver.provision(sandboxSpec, budget());
  const link = await driver.attach(sandboxSpec.id, budget());
  onTestFinished(() => link[Symbol.asyncDispose]());
  await expect.poll(() => stub.watches).toBe(1);
  return { sandboxSpec, link };
}
const isLost = async ({ lost }: SandboxLink) => await expect.poll(() => lost.aborted).toBe(true);

test("the driver's capabilities list the weaknesses of its pods", () =>
  expect(driver.capabilities.weaknesses?.map(({ name }) => name)).toEqual(['seccomp-profile', 'shared-user']));

const waiting = (reason: string, message: string) => ({
  phase: 'Pending',
  containerStatuses: [{ name: 'sandbox', state: { waiting: { reason, message } } }] as never,
});
const message = '0/1 nodes: Insufficient cpu';
const notScheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
const unschedulable = { phase: 'Pending', conditions: [notScheduled] };
const failed = (reason: string) => ({ phase: 'Failed', reason, message: `because ${reason}` });
test.each([
  ['unschedulable', unschedulable, 'sandbox_capacity', /Insufficient cpu/],
  ['ErrImageNeverPull', waiting('ErrImageNeverPull', 'absent'), 'image_missing', /ErrImageNeverPull: absent/],
  ['an image that is not there', waiting('ErrImagePull', 'manifest unknown'), 'image_missing', /manifest unknown/],
  ['a registry that is away', waiting('ImagePullBackOff', 'i/o timeout'), 'sandbox_unavailable', /i\/o timeout/],
  ['InvalidImageName', waiting('InvalidImageName', 'bad'), 'image_missing', /name of the image is not valid/],
  ['a missing secret', waiting('CreateContainerConfigError', 'no secret'), 'sandbox_unavailable', /no secret/],
  ['RunContainerError', waiting('RunContainerError', 'no runtime'), 'sandbox_unavailable', /no runtime/],
  ['a node that is full after all', failed('OutOfmemory'), 'sandbox_capacity', /because OutOfmemory/],
  ['an eviction on the way', failed('Evicted'), 'sandbox_unavailable', /did not start.*evicted/],
])('F043 %s is a named reason before the deadline, and the pod is removed', async (_name, status, code, words) => {
  stub.onPod = () => status;
  const started = driver.provision(spec(), budget(10_000));
  await expect(started).rejects.toMatchObject({ code, publicMessage: expect.stringMatching(words) });
  expect(stub.pods()).toEqual([]);
});

test('F043 a pod that no node takes yet says why in the meantime, and starts once one does', async () => {
  driver = await open({ pendingMs: 30_000 });
  stub.onPod = () => unschedulable;
  const sandboxSpec = spec();
  const news: ProvisionProgress[] = [];
  const started = driver.provision(sandboxSpec, budget(), (it) => news.push(it));
  await expect.poll(() => news.at(-1)?.detail).toMatch(/Insufficient cpu/);
  stub.setStatus(nameOf(sandboxSpec), runningStatus());
  expect(await started).toMatchObject({ phase: 'ready' });
});

test.each([
  ['exceeded quota: sandboxes, requested: pods=1, used: pods=5, limited: pods=5', 'quota', /quota is used up/],
  ['pods "x" is forbidden: violates PodSecurity "restricted:latest"', 'sandbox_unavailable', /rejected the sandbox/],
  ['pods is forbidden: User "corral" cannot create resource "pods"', 'driver_unavailable', /not allow.*create pods/],
])('F043 F051 a start that is forbidden says what forbids it: %s', async (message, code, words) => {
  stub.cause(/POST .*pods/, { status: 403, reason: 'Forbidden', message });
  const refused = driver.provision(spec(), budget());
  await expect(refused).rejects.toMatchObject({ code, publicMessage: expect.stringMatching(words) });
  expect(seen(/POST .*pods/)).toHaveLength(1); // a retry would be refused as well
  await driver.check(budget());
});

test('a start that is abandoned while its volume claim is made leaves no claim', async () => {
  driver = await open({ pods: { ...testPods, workspace: 'volume' } });
  stub.delayMs = 100;
  const stop = new AbortController();
  const started = driver.provision(spec(), { ...budget(), signal: stop.signal });
  started.catch(() => {});
  await expect.poll(() => seen(/POST .*claims/)).toHaveLength(1);
  stop.abort();
  await expect(started).rejects.toMatchObject({ code: 'cancelled' });
  await expect.poll(() => seen(/DELETE .*claims/)).toHaveLength(1);
  expect(await driver.list(budget())).toEqual([]);
});

test('F042 an eviction is reported with its reason, and the same sandbox starts again', async () => {
  const { sandboxSpec, link } = await running();
  stub.setStatus(nameOf(sandboxSpec), { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' });
  await isLost(link);
  const expected = { code: 'sandbox_lost', publicMessage: expect.stringMatching(/evicted.*memory/) };
  expect(link.lost.reason).toMatchObject(expected);
  expect(await driver.list(budget())).toMatchObject([{ id: sandboxSpec.id, phase: 'exited' }]);
  expect(await driver.provision(sandboxSpec, budget())).toMatchObject({ phase: 'ready' });
  expect(stub.pods()).toHaveLength(1);
});

test('F044 a 429 is obeyed: no attempt before its Retry-After is over, and few requests at once', async () => {
  stub.cause(/POST .*pods/, { status: 429, retryAfter: 1 }, 1);
  await driver.provision(spec(), budget());
  const [first, second] = seen(/POST .*pods/);
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
  stub.delayMs = 20;
  await Promise.all(Array.from({ length: 12 }, () => driver.list(budget())));
  expect(stub.busiest).toBeLessThanOrEqual(4); // three calls, and the list request of the watch
});

test.each([500, 503, 'cut'] as const)(
  'F045 an API server that answers %s holds up only new sandboxes',
  async (trouble) => {
    const { link } = await running();
    stub.cause(/./, trouble);
    stub.cutWatches();
    const queued = driver.provision(spec(), budget());
    await expect.poll(() => stub.hits).toBeGreaterThan(3);
    expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
    expect(link.lost.aborted).toBe(false);
    stub.relieve();
    expect(await queued).toMatchObject({ phase: 'ready' });
    expect(stub.pods()).toHaveLength(2);
  },
);

test('F045 a start whose API server does not come back ends at its deadline', async () => {
  stub.cause(/POST .*pods/, 500);
  await expect(driver.provision(spec(), budget(400))).rejects.toMatchObject({ retryable: true });
});

test('F024 F045 a pod whose making was not answered is taken over, and there is one', async () => {
  stub.cause(/POST .*pods/, 'cut', 1);
  expect(await driver.provision(spec(), budget())).toMatchObject({ phase: 'ready' });
  expect(stub.pods()).toHaveLength(1);
});

test('F046 a watch that ends with 410 is followed by a list: no loss goes unheard', async () => {
  const { sandboxSpec, link } = await running();
  stub.silent = true;
  stub.drop(nameOf(sandboxSpec));
  stub.silent = false;
  const lists = seen(/GET .*pods[?](?!.*watch)/).length;
  stub.emit('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
  await isLost(link);
  expect(seen(/GET .*pods[?](?!.*watch)/).length).toBe(lists + 1);
  await expect.poll(() => stub.watches).toBe(1);
});

test('F046 a watch that is refused with 410 is followed by a list too', async () => {
  stub.cause(/watch=true/, { status: 410, reason: 'Expired' }, 1);
  const { sandboxSpec, link } = await running();
  stub.drop(nameOf(sandboxSpec));
  await isLost(link);
});

test('F046 after a cut the watch continues from the last bookmark', async () => {
  const { sandboxSpec, link } = await running();
  stub.emit('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: '4711' } });
  stub.emit('MODIFIED', { ...stub.pods()[0], metadata: { ...stub.pods()[0]?.metadata, resourceVersion: '4712' } });
  const before = stub.seen.length;
  stub.cutWatches();
  await expect.poll(() => seen(/resourceVersion=471[12]/).length).toBe(1);
  expect(stub.seen.slice(before).filter(({ line }) => /pods[?](?!.*watch)/.test(line))).toEqual([]);
  stub.drop(nameOf(sandboxSpec));
  await isLost(link);
});

test('F051 a server without permissions stays up, reports it, and continues once it has them again', async () => {
  const troubles: string[] = [];
  driver = await open({ onTrouble: (error) => troubles.push(error.publicMessage) });
  const { sandboxSpec, link } = await running();
  const message = 'pods is forbidden: User "corral" cannot list resource "pods"';
  stub.cause(/./, { status: 403, reason: 'Forbidden', message });
  stub.cutWatches();
  const listed = () => driver.list(budget()).catch((error) => error.code);
  await expect.poll(listed).toBe('driver_unavailable');
  await expect.poll(() => troubles).toEqual([expect.stringContaining('does not allow this server to')]);
  expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
  stub.relieve();
  await expect.poll(() => stub.watches).toBe(1);
  expect(await driver.list(budget())).toMatchObject([{ id: sandboxSpec.id }]);
});

test('F052 a rotated token is read again: one 401 and no more', async () => {
  await driver.check(budget());
  await writeFile(stub.tokenFile, 'second-token');
  stub.cause(/./, { status: 401, reason: 'Unauthorized' }, 1);
  await Promise.all([driver.list(budget())]);
  expect([stub.seen.slice(-2).map(({ token }) => token), stub.hits]).toEqual([['first-token', 'second-token'], 1]);
});

test('F023 a server that starts while the API is away finds its sandboxes when it is back', async () => {
  const { sandboxSpec } = await running();
  const next = await open();
  stub.cause(/./, 503, 3);
  expect(await next.list(budget())).toMatchObject([{ id: sandboxSpec.id, phase: 'ready' }]);
  await using link = await next.attach(sandboxSpec.id, budget());
  expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
});

test('a pod of a key that is not known any more is replaced, and one of an older key that is known is kept', async () => {
  const { sandboxSpec } = await running();
  const [older] = stub.pods();
  const rotated = await open({ keys: [new Secret('new'), new Secret('a key of these tests')] });
  await rotated.provision(sandboxSpec, budget());
  expect(stub.pods()).toMatchObject([{ metadata: { uid: older?.metadata?.uid } }]);
  const strange = await open({ keys: [new Secret('new')] });
  await expect(strange.attach(sandboxSpec.id, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
  await strange.provision(sandboxSpec, budget());
  expect(stub.pods()).toHaveLength(1);
  expect(stub.pods()[0]?.metadata?.uid).not.toBe(older?.metadata?.uid);
});

test('the driver starts no sandbox that can reach the API server, and tells the operator why', async () => {
  stub.prints = 'open 10.96.0.1:443';
  const messages: string[] = [];
  driver = await open({ onOpen: (message) => messages.push(message) });
  const refused = driver.provision(spec(), budget());
  const expected = { code: 'unsupported', publicMessage: expect.stringMatching(/10[.]96/) };
  await expect(refused).rejects.toMatchObject(expected);
  expect([stub.pods(), messages]).toEqual([[], [expect.stringMatching(/not enforced/)]]);
});

test('a start that is abandoned while the policies are put in place takes no other start with it', async () => {
  driver = await open({ networkPolicies: 'managed' });
  stub.delayMs = 100;
  const giveUp = new AbortController();
  const first = driver.provision(spec(), { ...budget(), signal: giveUp.signal });
  const second = driver.provision(spec(), budget());
  await expect.poll(() => seen(/networkpolicies/).length).toBeGreaterThan(0);
  giveUp.abort();
  await expect(first).rejects.toMatchObject({ code: 'cancelled' });
  expect(await second).toMatchObject({ phase: 'ready' });
});

test('an older owner is fenced off', async () => {
  const { sandboxSpec } = await running({ epoch: 7 });
  await expect(driver.provision({ ...sandboxSpec, epoch: 6 }, budget())).rejects.toMatchObject({ code: 'fenced' });
  expect(stub.pods()).toHaveLength(1);
});

test('the reaper ends only overdue sandboxes of its own installation', async () => {
  const late = spec({ expiresAt: Date.now() - 61_000 });
  const fresh = spec();
  const stranger = await open({ instance: 'stranger' });
  await driver.provision(late, budget());
  await driver.provision(fresh, budget());
  await stranger.provision(spec({ expiresAt: Date.now() - 61_000 }), budget());
  expect(await driver.reap(budget().signal)).toEqual([nameOf(late)]);
  expect(await driver.list(budget())).toMatchObject([{ id: fresh.id }]);
  expect(stub.pods()).toHaveLength(2);
});

test('the watch reports the end of a sandbox, which is not found by reading the pod again and again', async () => {
  const { sandboxSpec } = await running();
  const before = seen(/^GET .*\/pods\/corral/).length;
  await driver.destroy(sandboxSpec.id, 'remove', budget());
  expect([seen(/^GET .*\/pods\/corral/).length - before, stub.pods()]).toEqual([1, []]);
});

test('a sandbox ends although the watch is silent', async () => {
  const { sandboxSpec } = await running();
  stub.silent = true;
  await driver.destroy(sandboxSpec.id, 'remove', budget());
  expect(stub.pods()).toEqual([]);
});
