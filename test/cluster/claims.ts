import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ProvisionProgress } from '../../drivers/driver.ts';
import { pythonWith } from '../support/clients/python.ts';
import {
  apply,
  type ClusterHarness,
  clusterEnv,
  clusterHarness,
  component,
  hasClaims,
  kubectl,
  testPods,
} from '../support/cluster/cluster.ts';
import { budget, sh, testSpec } from '../support/conformance/harness.ts';

describe.skipIf(!(await hasClaims()))('claims on a cluster with agents.x-k8s.io', () => {
  let harness: ClusterHarness;
  const pods = { ...testPods, workspace: 'ephemeral' as const };
  const spec = () => testSpec(harness.image, { egress: { kind: 'web' } });
  const recipe = () => {
    const { id: _, sessionId: __, epoch: ___, expiresAt: ____, ...rest } = spec();
    return rest;
  };
  const members = async () => {
    const waiting = ['--selector=agents.x-k8s.io/warm-pool-sandbox', '--field-selector=status.phase=Running'];
    return (await kubectl('get', 'pods', '-n', harness.namespace, ...waiting, '--output=name'))
      .split('\n')
      .filter(Boolean);
  };
  beforeAll(async () => {
    harness = await clusterHarness('agent-sandbox');
  });
  afterAll(() => harness?.[Symbol.asyncDispose]());

  test('F049 F050 two servers claim each ready pod once, a burst beyond the pool starts pods, and each knows its session', async () => {
    await using one = await harness.connect({ over: { pods } });
    await using other = await harness.connect({ over: { pods } });
    await one.keepReady?.(recipe(), { count: 2, epoch: 1 }, budget());
    await expect.poll(members).toHaveLength(2);
    const took: boolean[] = [];
    const news = ({ fromPool }: ProvisionProgress) => fromPool !== undefined && took.push(fromPool);
    const specs = Array.from({ length: 4 }, spec);
    await Promise.all(specs.map((it, n) => (n % 2 ? one : other).provision(it, budget(), news)));
    expect(took.filter(Boolean).length).toBeGreaterThanOrEqual(2);
    const list = await kubectl(
      'get',
      'sandboxclaims',
      '-n',
      harness.namespace,
      '-o',
      'jsonpath={.items[*].status.sandbox.name}',
    );
    expect(new Set(list.split(' ')).size).toBe(4);
    for (const { id } of specs) {
      await using link = await one.attach(id, budget());
      expect(await sh(link, "bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; cat <&3'")).toBe(id);
    }
    // Settings of a newer server: pool members of the earlier template end and are not claimed.
    await using newer = await harness.connect({ over: { pods: { ...pods, nodeLossSeconds: 31 } } });
    const before = await members();
    await newer.keepReady?.(recipe(), { count: 1, epoch: 2 }, budget());
    await expect.poll(async () => (await members()).filter((name) => before.includes(name))).toEqual([]);
    await newer.keepReady?.(recipe(), { count: 0, epoch: 2 }, budget());
    for (const { id } of specs) await one.destroy(id, 'remove', budget());
    await expect.poll(() => kubectl('get', 'pods', '-n', harness.namespace, '--output=name')).toBe('');
  });

  test('F042 F045 without the controller, the API server or the node: sandboxes go on, starts fail in time, ends leave nothing', async () => {
    const own = spec();
    const other = spec();
    const deployment = ['--namespace', 'agent-sandbox-system', 'deployment', 'agent-sandbox-controller'];
    const restore = async () => {
      await component('start', 'kube-apiserver');
      await component('start', 'kubelet');
      await kubectl('scale', '--replicas=1', ...deployment);
      await kubectl('wait', '--for=condition=Ready', 'node/corral', '--timeout=60s');
      await kubectl('rollout', 'status', ...deployment, '--timeout=60s');
    };
    onTestFinished(restore);
    await using driver = await harness.connect({ over: { pods, pendingMs: 3_000 } });
    await driver.provision(own, budget());
    await using link = await driver.attach(own.id, budget());
    await kubectl('scale', '--replicas=0', ...deployment);
    await kubectl('wait', '--for=delete', 'pods', '--all', '--namespace', 'agent-sandbox-system', '--timeout=60s');
    const expected = { code: 'sandbox_unavailable', publicMessage: expect.stringContaining('controller') };
    await expect(driver.provision(other, budget())).rejects.toMatchObject(expected);
    await expect.poll(() => harness.remains(other.id)).toEqual([]);
    await component('stop', 'kube-apiserver');
    const queued = driver.list(budget());
    await restore();
    expect(await queued).toMatchObject([{ id: own.id, phase: 'ready' }]);
    expect(link.lost.aborted).toBe(false);
    expect(await sh(link, 'echo here')).toBe('here\n');
    await component('stop', 'kubelet');
    await driver.destroy(own.id, 'remove', budget());
    await expect.poll(() => harness.remains(own.id)).toEqual([]);
  });

  test("the standard's Python client lists, resolves and ends a session's claim", async () => {
    const own = spec();
    await using driver = await harness.connect({ over: { pods } });
    await driver.provision(own, budget());
    const script = [
      'import sys',
      'from k8s_agent_sandbox import SandboxClient',
      'name, namespace = sys.argv[1:]',
      'client = SandboxClient()',
      'print(client.list_all_sandboxes(namespace=namespace))',
      'print(client.get_sandbox(name, namespace=namespace).sandbox_id)',
      'client.delete_sandbox(name, namespace=namespace)',
    ].join('\n');
    const name = harness.nameOf(own.id);
    const python = await pythonWith(['k8s-agent-sandbox==1.0.8']);
    const { stdout } = await promisify(execFile)(python, ['-c', script, name, harness.namespace], {
      env: clusterEnv(),
    });
    expect(stdout.split('\n').slice(0, 2)).toEqual([`['${name}']`, name]);
    await expect.poll(() => driver.list(budget())).toEqual([]);
  });

  test('a Sandbox that somebody else created is adopted, keeps its files, and is released, not deleted', async () => {
    await using driver = await harness.connect({ over: { pods } });
    await driver.keepReady?.(recipe(), { count: 0, epoch: 4 }, budget());
    const at = ['--namespace', harness.namespace];
    const { items } = JSON.parse(await kubectl('get', 'sandboxtemplates', ...at, '--output=json'));
    const { podTemplate } = items.find(({ spec: one }: { spec: object }) => !('volumeClaimTemplates' in one)).spec;
    const head = { apiVersion: 'agents.x-k8s.io/v1beta1', kind: 'Sandbox' };
    await apply({ ...head, metadata: { name: 'build', namespace: harness.namespace }, spec: { podTemplate } });
    await kubectl('wait', '--for=condition=Ready', 'sandboxes.agents.x-k8s.io/build', ...at, '--timeout=60s');
    const own = testSpec(harness.image, { egress: { kind: 'web' }, adopts: 'sandbox/build' });
    await driver.provision(own, budget());
    await using link = await driver.attach(own.id, budget());
    expect(await sh(link, 'echo kept > /workspace/kept; id -u')).toBe('10001\n');
    expect(await sh(link, "bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; cat <&3'")).toBe(own.id);
    await expect(driver.checkAdoption('sandbox/build', budget())).rejects.toMatchObject({ code: 'conflict' });
    const claimed = spec();
    await driver.provision(claimed, budget());
    const refused = driver.checkAdoption(`sandbox/${harness.nameOf(claimed.id)}`, budget());
    await expect(refused).rejects.toMatchObject({ code: 'conflict' });
    await driver.destroy(claimed.id, 'remove', budget());
    await driver.destroy(own.id, 'remove', budget());
    expect(await driver.list(budget())).toEqual([]);
    const next = testSpec(harness.image, { adopts: 'sandbox/build' });
    await driver.provision(next, budget());
    await using again = await driver.attach(next.id, budget());
    expect(await sh(again, 'cat /workspace/kept')).toBe('kept\n');
    await driver.destroy(next.id, 'remove', budget());
    expect(await kubectl('get', 'sandboxes.agents.x-k8s.io/build', ...at, '--output=name')).toContain('build');
    await kubectl('delete', 'sandboxes.agents.x-k8s.io/build', ...at);
  });
});
