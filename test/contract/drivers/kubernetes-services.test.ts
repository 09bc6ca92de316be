// @module-tag all
// Services as containers of a sandbox's pod, before an API server that answers as instructed.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProvisionProgress, ServiceSpec } from '../../../drivers/driver.ts';
import { createKubernetesDriver, type KubernetesDriver } from '../../../drivers/kubernetes/kubernetes.ts';
import { sessionIdOf } from '../../../src/core/model/ids.ts';
import { type KubeStub, kubeStub } from '../../support/cluster/kube-stub.ts';
import { budget, testSpec } from '../../support/conformance/harness.ts';
import { standInSpecs } from '../../support/sandboxes/stand-in-services.ts';
import { stubOptions } from '../../support/servers/stub-options.ts';

describe('kubernetes driver with services', () => {
  let stub: KubeStub;
  let driver: KubernetesDriver;
  const services = standInSpecs();
  const [web] = services as [ServiceSpec];
  const spec = testSpec('corral/sandbox', { services });
  const name = `corral-test-${sessionIdOf(spec.id)}`;
  const running = { running: {} };
  const pulled = (reason: string) => ({ waiting: { reason, message: 'manifest unknown' } });
  /** The status of a pod whose sandbox runs; the kubelet lists containers by their names. */
  const statusWith = (states: Readonly<Record<string, object>>) => ({
    phase: 'Pending',
    podIP: '127.0.0.1',
    containerStatuses: [
      { name: 'sandbox', ready: true, image: 'corral/sandbox', state: running },
      ...Object.entries(states).map(([of, state]) => ({ name: `svc-${of}`, ready: true, image: 'python', state })),
    ] as never,
  });

  beforeEach(async () => {
    stub = await kubeStub();
    driver = await createKubernetesDriver(stubOptions(stub));
    stub.onPod = () => statusWith({ web: pulled('ContainerCreating'), redis: running, postgres: running });
    await driver.provision(spec, budget());
  });
  afterEach(async () => {
    await driver[Symbol.asyncDispose]();
    await stub[Symbol.asyncDispose]();
  });

  test('the sandbox is ready before its services are, a start waits for the container, and all end with the pod', async () => {
    const reports: ProvisionProgress[] = [];
    const start = driver.startService(spec.id, web, budget(), (news) => reports.push(news));
    await expect.poll(() => reports.length).toBeGreaterThan(0);
    const expected = ['postgres ready', 'redis running', 'web absent'];
    expect((await driver.services(spec.id, budget())).map(({ name: of, state }) => `${of} ${state}`)).toEqual(expected);
    stub.setStatus(name, statusWith({ web: running, redis: running, postgres: running }));
    await start;
    await driver.destroy(spec.id, 'remove', budget());
    expect([stub.pods(), await driver.services(spec.id, budget())]).toEqual([[], []]);
    await expect(driver.startService(spec.id, web, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
  });

  test('an image that is missing is refused by its name, and the sandbox stays', async () => {
    stub.setStatus(name, statusWith({ web: pulled('ErrImagePull') }));
    const expected = { code: 'image_missing', publicMessage: expect.stringContaining(web.image) };
    await expect(driver.startService(spec.id, web, budget())).rejects.toMatchObject(expected);
    expect(await driver.list(budget())).toMatchObject([{ id: spec.id, phase: 'ready' }]);
  });
});
