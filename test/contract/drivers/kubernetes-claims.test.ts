import { readFile } from 'node:fs/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { ProvisionProgress, SandboxLink, SandboxSpec } from '../../../drivers/driver.ts';
import { createKubernetesDriver, type KubernetesDriver } from '../../../drivers/kubernetes/kubernetes.ts';
import type { KubernetesOptions } from '../../../drivers/kubernetes/options.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { testPods } from '../../support/cluster/cluster.ts';
import { type KubeStub, kubeStub } from '../../support/cluster/kube-stub.ts';
import { askDaemon, budget, testSpec } from '../../support/conformance/harness.ts';
import { stubOptions } from '../../support/servers/stub-options.ts';

let stub: KubeStub;
beforeEach(async () => {
  stub = await kubeStub();
  Object.assign(stub, { claims: true, prints: 'done' });
});
afterEach(() => stub[Symbol.asyncDispose]());
const open = (over: Partial<KubernetesOptions> = {}) =>
  createKubernetesDriver(stubOptions(stub, { engine: 'auto', pendingMs: 20_000, ...over }));
const spec = (over: Partial<SandboxSpec> = {}) => testSpec('corral/sandbox', over);
const linesSince = (from: number) =>
  stub.seen.slice(from).map(({ line }) => line.replace(/\?.*/, '').replace(/\/apis?\/.*?(\/namespaces\/stub)?\//, ''));
const recipe = () => {
  const { id: _, sessionId: __, epoch: ___, expiresAt: ____, ...rest } = spec();
  return rest;
};
const names = () => stub.pods().map(({ metadata }) => metadata?.name ?? '');
/** A driver with a session whose sandbox runs. */
async function running(over: Partial<KubernetesOptions> = {}) {
  const driver = await open(over);
  onTestFinished(() => driver[Symbol.asyncDispose]());
  const own = spec();
  await driver.provision(own, budget());
  return { driver, own, link: await attached(driver, own) };
}
async function attached(driver: KubernetesDriver, { id }: SandboxSpec) {
  const link = await driver.attach(id, budget());
  onTestFinished(() => link[Symbol.asyncDispose]());
  return link;
}
const isHealthy = async (link: SandboxLink) =>
  expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });

test('F049 F050 a claim takes a ready pod and costs at most five requests; an empty pool starts a pod', async () => {
  await using driver = await open();
  await driver.keepReady?.(recipe(), { count: 1, epoch: 1 }, budget());
  const [warm = ''] = names();
  const [first, second] = [spec(), spec()];
  const took: (boolean | undefined)[] = [];
  const news = ({ fromPool }: ProvisionProgress) => fromPool !== undefined && took.push(fromPool);
  await driver.provision(first, budget(), news);
  const before = stub.seen.length;
  await driver.provision(second, budget(), news);
  const requests = linesSince(before).filter((line) => !line.includes('watch'));
  expect(took).toEqual([true, false]);
  expect(requests.length).toBeLessThanOrEqual(5);
  expect(names().sort()).toEqual([warm, `corral-test-${second.sessionId}`].sort());
  for (const it of [first, second]) await isHealthy(await attached(driver, it));
  const phases = (await driver.list(budget())).map(({ id, phase }) => `${id} ${phase}`);
  expect(phases.sort()).toEqual([first, second].map(({ id }) => `${id} ready`).sort());
});

test('F049 servers that start the same sessions at once: no pod has two sessions, no session two pods', async () => {
  await using one = await open();
  await using other = await open();
  await one.keepReady?.(recipe(), { count: 3, epoch: 1 }, budget());
  const specs = Array.from({ length: 5 }, () => spec());
  const starts = specs.flatMap((it) => [one, other].map((driver) => driver.provision(it, budget())));
  expect(new Set((await Promise.all(starts)).map(({ id }) => id)).size).toBe(5);
  expect([names().length, (await other.list(budget())).length]).toEqual([5, 5]);
});

test('a pod that the controller replaced is lost to its session, and the next start accepts the new one', async () => {
  const { driver, own, link } = await running();
  const [name = ''] = names();
  const pod = structuredClone(stub.pods()[0] ?? {});
  stub.drop(name);
  await expect.poll(() => link.lost.aborted).toBe(true);
  stub.put(pod);
  await expect(driver.attach(own.id, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
  expect(await driver.list(budget())).toMatchObject([{ phase: 'exited' }]);
  await driver.provision(own, budget());
  expect(await driver.list(budget())).toMatchObject([{ phase: 'ready' }]);
});

test('members of a pool for other settings are not claimed, and end when the new pool is set', async () => {
  {
    await using older = await open({ pods: { ...testPods, workspace: 'ephemeral', priorityClass: 'old' } });
    await older.keepReady?.(recipe(), { count: 2, epoch: 1 }, budget());
  }
  const old = names();
  await using driver = await open();
  await driver.provision(spec(), budget());
  expect(names().filter((name) => !old.includes(name))).toHaveLength(1);
  await driver.keepReady?.(recipe(), { count: 1, epoch: 2 }, budget());
  expect(names().filter((name) => old.includes(name))).toEqual([]);
});

test('ready members on a cordoned node are replaced elsewhere and not claimed; sessions there go on', async () => {
  stub.node = 'leaving';
  const { driver, own, link } = await running();
  await driver.keepReady?.(recipe(), { count: 2, epoch: 1 }, budget());
  expect(await driver.list(budget())).toMatchObject([{ id: own.id, host: 'leaving' }]);
  await expect.poll(() => stub.seen.some(({ line }) => /nodes.*watch=true/.test(line))).toBe(true);
  stub.node = 'staying';
  stub.cordon('leaving');
  const nodes = () => stub.pods().map(({ spec: at }) => at?.nodeName);
  await expect.poll(() => nodes().sort()).toEqual(['leaving', 'staying', 'staying']);
  await driver.provision(spec(), budget());
  expect([nodes().sort(), link.lost.aborted]).toEqual([['leaving', 'staying', 'staying'], false]);
});

test('a drained node is named as the reason, and the session goes on in another pod with its volume', async () => {
  const { driver, own, link } = await running({ pods: testPods });
  const from = stub.seen.length;
  stub.evict(names()[0] ?? '');
  await expect.poll(() => link.lost.aborted).toBe(true);
  const expected = { code: 'sandbox_lost', publicMessage: expect.stringContaining('its node was drained') };
  expect(link.lost.reason).toMatchObject(expected);
  expect(await driver.provision(own, budget())).toMatchObject({ phase: 'ready' });
  await isHealthy(await attached(driver, own));
  expect(linesSince(from).filter((line) => /^DELETE/.test(line))).toEqual([]);
});

test('a claim that says Ready after its pod is gone is exited, and its next start gives it a pod', async () => {
  const { driver, own } = await running();
  stub.drop(names()[0] ?? '');
  await expect.poll(() => driver.list(budget())).toMatchObject([{ phase: 'exited' }]);
  await expect(driver.attach(own.id, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
  expect(await driver.provision(own, budget())).toMatchObject({ phase: 'ready' });
  expect(names()).toHaveLength(1);
});

test.each([
  ['volume', 'remove'],
  ['ephemeral', 'keep'],
] as const)('a session with the workspace %s that ends with %s leaves no claim', async (workspace, end) => {
  const { driver, own } = await running({ pods: { ...testPods, workspace } });
  await driver.destroy(own.id, end, budget());
  expect([names(), await driver.list(budget())]).toEqual([[], []]);
  expect((await api('extensions.agents.x-k8s.io/sandboxclaims')).items).toEqual([]);
});

test('a sleeping session wakes with the current template and key, and no longer names the old pool', async () => {
  const own = spec();
  {
    await using older = await open({ pods: testPods });
    await older.provision(own, budget());
    await older.destroy(own.id, 'keep', budget());
    expect([names(), await older.list(budget())]).toMatchObject([[], [{ phase: 'stopped' }]]);
  }
  const keys = [new Secret('the next key'), new Secret('a key of these tests')];
  await using driver = await open({ keys, pods: { ...testPods, priorityClass: 'new' } });
  await driver.provision(own, budget());
  expect(stub.pods()[0]?.spec?.priorityClassName).toBe('new');
  await isHealthy(await attached(driver, own));
});

test.each(['sandboxwarmpools', 'sandboxtemplates'])(
  'the next start creates %s again that somebody deleted',
  async (plural) => {
    await using driver = await open();
    await driver.keepReady?.(recipe(), { count: 1, epoch: 1 }, budget());
    await driver.provision(spec(), budget()); // claims the pool member
    stub.erase(plural);
    const next = spec();
    expect(await driver.provision(next, budget())).toMatchObject({ id: next.id, phase: 'ready' });
    const pool = names().filter((name) => !/-[0-9a-f]{16}$/.test(name));
    expect(pool).toHaveLength(plural === 'sandboxwarmpools' ? 2 : 1); // the first session's pod, and a new member
  },
);

test('a burst starts as many pods as the pool has members, and the next start says when to try again', async () => {
  await using driver = await open();
  await driver.keepReady?.(recipe(), { count: 1, epoch: 1 }, budget());
  await driver.list(budget());
  await expect.poll(() => stub.watches).toBe(4);
  const cold: string[] = [];
  stub.onPod = ({ metadata }) => {
    cold.push(metadata?.name ?? '');
    return { phase: 'Pending' };
  };
  await driver.provision(spec(), budget());
  const stop = new AbortController();
  const waiting = driver.provision(spec(), { ...budget(), signal: stop.signal });
  waiting.catch(() => {});
  await expect.poll(() => cold).toHaveLength(1);
  const expected = { code: 'sandbox_capacity', retryAfterMs: 5_000 };
  await expect(driver.provision(spec(), budget())).rejects.toMatchObject(expected);
  expect(cold).toHaveLength(1);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
});

test.each(['watch cut', '410', '429', '503'])(
  'F044 F045 F046 many claims through %s: at most five requests each, and no list after the first',
  async (trouble) => {
    await using driver = await open({ maxInFlight: 20 });
    await driver.provision(spec(), budget());
    await driver.list(budget());
    await expect.poll(() => stub.watches).toBe(4);
    const before = stub.seen.length;
    if (trouble === '429' || trouble === '503')
      stub.cause(/POST .*sandboxclaims/, { status: Number(trouble), retryAfter: 0 }, 5);
    const count = 40;
    const all = Array.from({ length: count }, () => spec());
    const starts = all.map((it) => driver.provision(it, budget()));
    if (trouble === 'watch cut') stub.cutWatches();
    if (trouble === '410') stub.emit('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
    await Promise.all(starts);
    for (let n = 0; n < 5; n++) expect(await driver.list(budget())).toHaveLength(count + 1);
    const lines = linesSince(before).filter((line) => !line.includes('watch'));
    const lists = stub.seen.slice(before).filter(({ line }) => /^GET (?!.*watch=true).*limit=/.test(line));
    expect(lists.length).toBeLessThanOrEqual(trouble === '410' ? 4 : 0);
    expect(lines.length - lists.length).toBeLessThanOrEqual(count * 5 + stub.hits);
  },
);

const readOnly = [{ verbs: ['get', 'list'], apiGroups: ['*'], resources: ['*'] }];
test.each([
  ['no agents.x-k8s.io', { claims: false }, /no extensions.agents.x-k8s.io/],
  ['an older version alone', { versions: ['v1alpha1'] }, /only as v1alpha1/],
  ['a missing right', { rules: readOnly }, /create sandboxclaims/],
])('with %s sandboxes are pods, and a demand for claims says why they cannot be', async (_what, cluster, why) => {
  Object.assign(stub, cluster);
  await using driver = await open();
  await driver.provision(spec(), budget());
  expect(driver.capabilities.engine).toMatch(why);
  const pool = driver.keepReady?.(recipe(), { count: 1, epoch: 1 }, budget());
  await expect(pool).rejects.toMatchObject({ code: 'unsupported' });
  await using strict = await open({ engine: 'agent-sandbox' });
  const expected = { code: 'driver_unavailable', publicMessage: expect.stringMatching(why) };
  await expect(strict.provision(spec(), budget())).rejects.toMatchObject(expected);
});

test('during an upgrade of the cluster, with two versions side by side, claims go on', async () => {
  stub.versions = ['v1beta1', 'v1alpha1'];
  await using driver = await open();
  await driver.provision(spec(), budget());
  expect(driver.capabilities.engine).toBe('claims of agents.x-k8s.io (v1beta1, v1alpha1)');
});

test('without a controller a start fails in time, says so, and leaves no claim', async () => {
  stub.controls = false;
  await using driver = await open({ pendingMs: 300 });
  const expected = { code: 'sandbox_unavailable', publicMessage: expect.stringContaining('controller') };
  await expect(driver.provision(spec(), budget())).rejects.toMatchObject(expected);
  expect(await driver.list(budget())).toEqual([]);
});

async function api(path: string, init: RequestInit = {}) {
  const { clusters } = JSON.parse(await readFile(stub.kubeconfig, 'utf8'));
  const [group, plural] = path.split('/');
  const url = `${clusters[0].cluster.server}/apis/${group}/v1beta1/namespaces/stub/${plural}`;
  return (await (await fetch(url, init)).json()) as { items: { metadata: object; spec: { podTemplate: V1Pod } }[] };
}
/** Creates a Sandbox as its owner does, with the pod template of the driver's own templates. */
async function createSandbox(name: string, metadata: object = {}, labels: object = {}): Promise<void> {
  const [template] = (await api('extensions.agents.x-k8s.io/sandboxtemplates')).items;
  const podTemplate = structuredClone(template?.spec.podTemplate ?? {});
  Object.assign(podTemplate.metadata?.labels ?? {}, { of: name }, labels);
  const spec = { podTemplate, operatingMode: 'Running' };
  const body = { kind: 'Sandbox', metadata: { name, ...metadata }, spec, status: { selector: `of=${name}` } };
  await api('agents.x-k8s.io/sandboxes', { method: 'POST', body: JSON.stringify(body) });
}

test("an adopted Sandbox is one session's until its deletion, which leaves it as it was", async () => {
  await using driver = await open();
  await driver.keepReady?.(recipe(), { count: 0, epoch: 1 }, budget());
  await createSandbox('build', { labels: { team: 'a' } });
  const adopts = 'sandbox/build';
  const own = spec({ adopts });
  await driver.checkAdoption(adopts, budget());
  await driver.provision(own, budget());
  await isHealthy(await attached(driver, own));
  const inUse = { code: 'conflict', publicMessage: expect.stringContaining(own.sessionId) };
  await expect(driver.checkAdoption(adopts, budget())).rejects.toMatchObject(inUse);
  await expect(driver.provision(spec({ adopts }), budget())).rejects.toMatchObject(inUse);
  await driver.destroy(own.id, 'keep', budget());
  expect(await driver.list(budget())).toMatchObject([{ id: own.id, phase: 'stopped' }]);
  expect(await driver.provision(own, budget())).toMatchObject({ id: own.id, phase: 'ready' });
  await driver.destroy(own.id, 'remove', budget());
  expect([names(), await driver.list(budget())]).toEqual([['build'], []]);
  const [left] = (await api('agents.x-k8s.io/sandboxes')).items;
  expect(left?.metadata).toMatchObject({ labels: { team: 'a' }, annotations: {} });
  expect(JSON.stringify(left?.metadata)).not.toContain('corral/');
  await driver.checkAdoption(adopts, budget());
});

test('of two sessions that adopt one Sandbox at once, one gets it', async () => {
  await using one = await open();
  await using other = await open();
  await one.keepReady?.(recipe(), { count: 0, epoch: 1 }, budget());
  await createSandbox('build');
  const starts = [one, other].map((driver) => driver.provision(spec({ adopts: 'sandbox/build' }), budget()));
  const outcomes = (await Promise.allSettled(starts)).map((it) => (it.status === 'rejected' ? it.reason.code : 'ok'));
  expect(outcomes.sort()).toEqual(['conflict', 'ok']);
  expect(await one.list(budget())).toHaveLength(1);
});

test.each([
  ['that does not exist', 'none', 'not_found', /no sandbox\/none in the namespace stub/],
  ['of a claim', 'claimed', 'conflict', /belongs to SandboxClaim c/],
  ['whose daemon accepts another server', 'strange', 'unsupported', /corral\/instance=test/],
  ['without a running pod', 'starting', 'sandbox_unavailable', /not ready/],
])('a Sandbox %s is refused', async (_what, name, code, words) => {
  await using driver = await open();
  await driver.keepReady?.(recipe(), { count: 0, epoch: 1 }, budget());
  await createSandbox('claimed', { ownerReferences: [{ kind: 'SandboxClaim', name: 'c' }] });
  await createSandbox('strange', {}, { 'corral/instance': 'other' });
  stub.onPod = () => ({ phase: 'Pending' });
  await createSandbox('starting');
  const refusal = { code, publicMessage: expect.stringMatching(words) };
  await expect(driver.checkAdoption(`sandbox/${name}`, budget())).rejects.toMatchObject(refusal);
  await expect(driver.provision(spec({ adopts: `sandbox/${name}` }), budget())).rejects.toMatchObject(refusal);
  await using ofPods = await open({ engine: 'pods' });
  await expect(ofPods.checkAdoption(`sandbox/${name}`, budget())).rejects.toMatchObject({ code: 'unsupported' });
});
