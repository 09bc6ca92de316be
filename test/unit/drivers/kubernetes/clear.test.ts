import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createObjectMetadata } from '../../../../drivers/kubernetes/labels.ts';
import { deleteExpiredPods, deleteInstanceObjects } from '../../../../drivers/kubernetes/reap.ts';
import { reapCommand } from '../../../../src/app/commands/reap.ts';
import { systemClock } from '../../../../src/core/contracts/clock.ts';
import { type KubeStub, kubeStub } from '../../../support/cluster/kube-stub.ts';
import { testSpec } from '../../../support/conformance/harness.ts';

const namespace = 'sandboxes';
let stub: KubeStub;
beforeEach(async () => {
  stub = await kubeStub();
});
afterEach(() => stub[Symbol.asyncDispose]());
const signal = () => AbortSignal.timeout(60_000);

/** Creates a pod or claim with the labels of an instance, without a driver. */
async function make(
  kind: 'Pod' | 'PersistentVolumeClaim',
  name: string,
  instance: string,
  more: object = {},
): Promise<void> {
  const { clusters } = JSON.parse(await readFile(stub.kubeconfig, 'utf8'));
  const plural = kind === 'Pod' ? 'pods' : 'persistentvolumeclaims';
  const body = JSON.stringify({
    kind,
    metadata: { name, ...createObjectMetadata(testSpec('image'), instance), ...more },
  });
  const url = `${clusters[0].cluster.server}/api/v1/namespaces/${namespace}/${plural}`;
  expect((await fetch(url, { method: 'POST', body })).status).toBe(201);
}
const clear = (instance: string) => {
  const where = { kubeconfig: stub.kubeconfig, context: undefined, namespace, instance };
  return deleteInstanceObjects({ ...where, clock: systemClock, random: Math.random }, signal());
};

test('clear removes all pods and volumes of one installation only, with no right but get, list and delete', async () => {
  await make('Pod', 'one', 'ours');
  await make('Pod', 'two', 'ours');
  await make('Pod', 'other', 'theirs');
  await make('PersistentVolumeClaim', 'one', 'ours');
  await make('PersistentVolumeClaim', 'other', 'theirs');
  const before = stub.seen.length;
  expect([...(await clear('ours'))].sort()).toEqual(['pod one', 'pod two', 'volume claim one']);
  expect(stub.pods().map(({ metadata }) => metadata?.name)).toEqual(['other']);
  const requested = stub.seen.slice(before).map(({ line }) => line);
  expect(requested.filter((line) => !/^(GET|DELETE) /.test(line) || line.includes('watch='))).toEqual([]);
  expect(await clear('ours')).toEqual([]);
});

test('clear ends the pods of claims that their controller left, and not those of Sandboxes that somebody else created', async () => {
  const ownerReferences = [{ kind: 'Sandbox', name: 'one', uid: '1' }];
  await make('Pod', 'corral-ours-4711', 'ours', { ownerReferences });
  await make('Pod', 'build', 'ours', { ownerReferences });
  expect(await clear('ours')).toEqual(['pod corral-ours-4711']);
  expect(stub.pods().map(({ metadata }) => metadata?.name)).toEqual(['build']);
});

test('the reaper ends overdue pods of all installations, and none without a deadline', async () => {
  const late = { annotations: { 'corral/expires': '0' } };
  await make('Pod', 'late', 'ours', late);
  await make('Pod', 'later', 'theirs', late);
  await make('Pod', 'fresh', 'ours');
  await make('Pod', 'build', 'ours', { annotations: {} });
  const where = { kubeconfig: stub.kubeconfig, context: undefined, namespace, clock: systemClock, random: Math.random };
  expect([...(await deleteExpiredPods(where, signal()))].sort()).toEqual(['pod late', 'pod later']);
  expect(stub.pods().map(({ metadata }) => metadata?.name)).toEqual(['fresh', 'build']);
});

test('reap --all needs the name of an installation', async () => {
  process.env.CORRAL_DRIVER = 'kubernetes';
  const at = { signal: signal(), print: () => {}, say: () => {} };
  try {
    const expected = { code: 'invalid_request', publicMessage: expect.stringContaining('--instance') };
    await expect(reapCommand.run(['--all'], at)).rejects.toMatchObject(expected);
    await expect(reapCommand.run(['--everything'], at)).rejects.toMatchObject({ code: 'invalid_request' });
  } finally {
    delete process.env.CORRAL_DRIVER;
  }
});
