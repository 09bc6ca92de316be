import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { SandboxSpec } from '../../drivers/driver.ts';
import type { KubernetesDriver } from '../../drivers/kubernetes/kubernetes.ts';
import type { KubernetesOptions } from '../../drivers/kubernetes/options.ts';
import {
  apply,
  type ClusterHarness,
  clusterHarness,
  component,
  hasCluster,
  kubectl,
  testPods,
} from '../support/cluster/cluster.ts';
import { askDaemon, budget, sh, testSpec } from '../support/conformance/harness.ts';

const cluster = await hasCluster();

describe.skipIf(!cluster)('kubernetes driver in trouble (skipped where KUBECONFIG names no cluster)', () => {
  let harness: ClusterHarness;
  let driver: KubernetesDriver;
  let standIn: { host: string; port: number };
  const stack = new AsyncDisposableStack();
  const spec = (over: Partial<SandboxSpec> = {}) => testSpec(harness.image, over);
  async function reconnect(over: Partial<KubernetesOptions>): Promise<void> {
    await driver[Symbol.asyncDispose]();
    driver = await harness.connect({ over });
  }
  const inNamespace = (...args: string[]) => kubectl('-n', harness.namespace, ...args);

  beforeAll(async () => {
    harness = stack.use(await clusterHarness());
    const server = createServer((_request, response) => response.end('the stand-in'));
    stack.defer(() => server.closeAllConnections());
    stack.defer(() => void server.close());
    await once(server.listen(0, harness.near), 'listening');
    standIn = { host: harness.near, port: (server.address() as AddressInfo).port };
  });
  afterAll(() => stack.disposeAsync());
  beforeEach(async () => {
    driver = await harness.connect();
  });
  afterEach(async () => {
    for (const { id } of await driver.list(budget())) await driver.destroy(id, 'remove', budget());
    await driver[Symbol.asyncDispose]();
  });

  test('a sandbox reaches the proxy but no API server, neighbour, node, name server or listener of this server', async () => {
    const [a, b] = [spec({ egress: { kind: 'web' } }), spec({ egress: { kind: 'none' } })];
    await Promise.all([a, b].map((it) => driver.provision(it, budget())));
    const pods = await harness.pods();
    const ipOf = (it: SandboxSpec) =>
      pods.find(({ metadata }) => metadata?.name === harness.nameOf(it.id))?.status?.podIP;
    const { host: api, port: apiPort } = new URL(
      await kubectl('config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}'),
    ) as { host: string; port: string };
    const node = api.replace(`:${apiPort}`, '');
    const service = async (name: string, namespace: string) =>
      await kubectl('-n', namespace, 'get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}');
    const services = [await service('kubernetes', 'default'), await service('kube-dns', 'kube-system')];
    const forbidden = (neighbour: string | undefined) => [
      `${node}/${apiPort}`,
      `${services[0]}/443`,
      `${services[1]}/53`,
      `${node}/10250`,
      `${neighbour}/2718`,
      `${standIn.host}/${standIn.port}`, // the address of the server's own database, for example
      '169.254.169.254/80',
    ];
    const proxy = harness.options().egressAddress;
    const tries = (neighbour: string | undefined) =>
      [...forbidden(neighbour), `${proxy?.host}/${proxy?.port}`]
        .map((it) => `(timeout 2 bash -c '</dev/tcp/${it}' 2>/dev/null && echo ${it}) &`)
        .concat('wait')
        .join(' ');
    await using link = await driver.attach(a.id, budget());
    expect(await sh(link, tries(ipOf(b)))).toBe(`${proxy?.host}/${proxy?.port}\n`);
    await using closed = await driver.attach(b.id, budget());
    expect(await sh(closed, tries(ipOf(a)))).toBe('');
    expect(await sh(closed, 'getent hosts kubernetes.default.svc.cluster.local; ls /var/run/secrets 2>/dev/null')).toBe(
      '',
    );
    // Without a policy the same address is reachable; otherwise the test would prove nothing.
    expect(await (await fetch(`http://${standIn.host}:${standIn.port}`)).text()).toBe('the stand-in');
  });

  test('the driver starts no sandbox while the network policies are missing', async () => {
    const messages: string[] = [];
    const over = { networkPolicies: 'given' as const, onOpen: (message: string) => void messages.push(message) };
    await using bare = await harness.connect({ instance: 'bare', over });
    const sandboxSpec = spec();
    await expect(bare.provision(sandboxSpec, budget())).rejects.toMatchObject({ code: 'unsupported' });
    expect([messages.length, await bare.list(budget()), await harness.remains(sandboxSpec.id)]).toEqual([1, [], []]);
  });

  test('F041 a pod deleted in the middle of a command is reported lost, and restarts with its files', async () => {
    const sandboxSpec = spec();
    await driver.provision(sandboxSpec, budget());
    await using link = await driver.attach(sandboxSpec.id, budget());
    await askDaemon(link, 'PUT', '/files/content?path=kept.txt', 'kept');
    const hanging = askDaemon(link, 'POST', '/exec', { command: 'sleep 60' }).catch((error) => error);
    await inNamespace('delete', 'pod', harness.nameOf(sandboxSpec.id), '--grace-period=0', '--force');
    await expect.poll(() => link.lost.aborted).toBe(true);
    expect(await hanging).toBeInstanceOf(Error);
    expect(await driver.provision(sandboxSpec, budget())).toMatchObject({ phase: 'ready' });
    await using again = await driver.attach(sandboxSpec.id, budget());
    expect(await askDaemon(again, 'GET', '/files/content?path=kept.txt')).toEqual({ status: 200, body: '"kept"' });
  });

  test('F042 F043 a drained node reports the eviction, a start fails because no node has room, and a later start succeeds', async () => {
    const sandboxSpec = spec();
    await driver.provision(sandboxSpec, budget());
    await using link = await driver.attach(sandboxSpec.id, budget());
    const selector = `--pod-selector=corral/sandbox=${sandboxSpec.id}`;
    onTestFinished(async () => void (await kubectl('uncordon', 'corral')));
    await kubectl('drain', 'corral', selector, '--force', '--delete-emptydir-data', '--ignore-daemonsets');
    await expect.poll(() => link.lost.aborted).toBe(true);
    expect(link.lost.reason).toMatchObject({ code: 'sandbox_lost', publicMessage: expect.stringMatching(/evicted/) });
    await using impatient = await harness.connect({ over: { pendingMs: 1_000 } });
    const refused = impatient.provision(sandboxSpec, budget());
    const expected = { code: 'sandbox_capacity', publicMessage: expect.stringMatching(/node/) };
    await expect(refused).rejects.toMatchObject(expected);
    await expect.poll(() => driver.list(budget())).toMatchObject([{ phase: 'stopped' }]); // the other driver ended it
    await kubectl('uncordon', 'corral');
    expect(await driver.provision(sandboxSpec, budget())).toMatchObject({ phase: 'ready' });
  });

  test('F043 a full quota is a clear error, and no resource remains', async () => {
    await inNamespace('create', 'quota', 'none', '--hard=pods=0');
    onTestFinished(async () => void (await inNamespace('delete', 'quota', 'none', '--ignore-not-found')));
    const sandboxSpec = spec();
    const refused = () => driver.provision(sandboxSpec, budget()).then(undefined, (error) => error);
    await expect
      .poll(refused)
      .toMatchObject({ code: 'quota', publicMessage: expect.stringMatching(/quota is used up/) });
    expect(await harness.remains(sandboxSpec.id)).toEqual([]);
  });

  test('a sandbox whose first process ends is exited, with its exit code', async () => {
    const sandboxSpec = spec();
    await driver.provision(sandboxSpec, budget());
    await using link = await driver.attach(sandboxSpec.id, budget());
    await sh(link, 'kill -TERM 1').catch(() => {});
    await expect.poll(() => link.lost.aborted).toBe(true);
    expect(link.lost.reason).toMatchObject({ publicMessage: expect.stringMatching(/exit code/) });
    expect(await driver.list(budget())).toMatchObject([{ phase: 'exited' }]);
  });

  test('F051 the permissions in docs/kubernetes.md are enough, and without them the error names the missing one', async () => {
    const rules = JSON.parse(/```json\n([\s\S]+?)```/.exec(await readFile('docs/kubernetes.md', 'utf8'))?.[1] ?? '[]');
    const named = (kind: string, apiGroup: string) => ({
      apiVersion: apiGroup,
      kind,
      metadata: { name: 'corral', namespace: harness.namespace },
    });
    const rbac = 'rbac.authorization.k8s.io';
    await apply(named('ServiceAccount', 'v1'));
    await apply({ ...named('Role', `${rbac}/v1`), rules });
    await apply({
      ...named('RoleBinding', `${rbac}/v1`),
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'corral' },
      subjects: [{ kind: 'ServiceAccount', name: 'corral', namespace: harness.namespace }],
    });
    const folder = await mkdtemp(join(tmpdir(), 'corral-rbac-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const config = JSON.parse(await kubectl('config', 'view', '--raw', '--minify', '-o', 'json'));
    config.users[0].user = { token: await inNamespace('create', 'token', 'corral') };
    await writeFile(join(folder, 'config'), JSON.stringify(config));
    await using lesser = await harness.connect({ over: { kubeconfig: join(folder, 'config') } });
    const sandboxSpec = spec();
    expect(await lesser.provision(sandboxSpec, budget())).toMatchObject({ phase: 'ready' });
    await using link = await lesser.attach(sandboxSpec.id, budget());
    expect(await sh(link, 'echo here')).toBe('here\n');
    await lesser.destroy(sandboxSpec.id, 'keep', budget());
    await lesser.destroy(sandboxSpec.id, 'remove', budget());
    expect(await lesser.list(budget())).toEqual([]);
    await inNamespace('delete', 'rolebinding', 'corral');
    const refused = () => lesser.provision(sandboxSpec, budget()).then(undefined, (error) => error);
    await expect
      .poll(refused)
      .toMatchObject({ code: 'driver_unavailable', publicMessage: expect.stringMatching(/not allow/) });
    expect(await harness.remains(sandboxSpec.id)).toEqual([]);
  });

  test('F023 after a restart of the API server the sandboxes are there, and their ends are noticed again', async () => {
    const sandboxSpec = spec();
    await driver.provision(sandboxSpec, budget());
    await using link = await driver.attach(sandboxSpec.id, budget());
    await component('stop', 'kube-apiserver');
    const queued = driver.list(budget());
    await component('start', 'kube-apiserver');
    expect(await queued).toMatchObject([{ id: sandboxSpec.id, phase: 'ready' }]);
    expect(link.lost.aborted).toBe(false);
    expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
    await harness.killBehindItsBack(sandboxSpec.id);
    await expect.poll(() => link.lost.aborted).toBe(true);
  });

  test('F042 while its node does not answer, a sandbox can still be ended, and its name is free', async () => {
    await reconnect({ pods: { ...testPods, workspace: 'ephemeral' } });
    const sandboxSpec = spec();
    await driver.provision(sandboxSpec, budget());
    onTestFinished(async () => {
      await component('start', 'kubelet');
      await kubectl('wait', '--for=condition=Ready', 'node/corral', '--timeout=60s');
    });
    await component('stop', 'kubelet');
    await driver.destroy(sandboxSpec.id, 'remove', budget());
    expect(await harness.remains(sandboxSpec.id)).toEqual([]);
  });

  test('20 sandboxes at once: all become ready, none is lost', async () => {
    await reconnect({ pods: { ...testPods, workspace: 'ephemeral', requestShare: 0.02 }, pendingMs: 60_000 });
    const all = Array.from({ length: 20 }, () =>
      spec({ limits: { memoryBytes: 2 ** 28, cpus: 1, pids: 128, diskBytes: 2 ** 27 } }),
    );
    await Promise.all(all.map((it) => driver.provision(it, budget(110_000))));
    expect((await driver.list(budget())).filter(({ phase }) => phase === 'ready')).toHaveLength(20);
    await Promise.all(all.map(({ id }) => driver.destroy(id, 'remove', budget(110_000))));
    expect(await driver.list(budget())).toEqual([]);
  });
});
