import type { V1Pod } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { createSandboxBody, securityOptions } from '../../../drivers/docker/create-body.ts';
import { createDockerDriver } from '../../../drivers/docker/docker.ts';
import { createContainerRules } from '../../../drivers/docker/filter/container-rules.ts';
import {
  createServiceRules,
  isServiceContainerName,
  parseJoinedContainer,
} from '../../../drivers/docker/filter/filter.ts';
import { createSandboxLabels } from '../../../drivers/docker/labels.ts';
import { createServiceBody } from '../../../drivers/docker/services/services.ts';
import type { ServiceSpec } from '../../../drivers/driver.ts';
import { createPodBody } from '../../../drivers/kubernetes/pods/pod-body.ts';
import {
  computePodState,
  computeServiceStartState,
  toServiceStates,
} from '../../../drivers/kubernetes/pods/pod-state.ts';
import { computeRecipeHash } from '../../../drivers/shared/pool/warm-pool.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { podInput } from '../../support/cluster/pod-input.ts';
import { testSpec } from '../../support/conformance/harness.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const redis: ServiceSpec = {
  name: 'redis',
  image: 'redis:7',
  command: ['redis-server', '--dir', '$(HOME)'],
  env: { PASSWORD: '$(SECRET)' },
  ports: [6379],
  scratch: ['/srv/data'],
  healthcheck: { test: ['redis-cli', 'ping'], intervalSeconds: 3, timeoutSeconds: 2, retries: 4 },
  limits: { memoryBytes: 2 ** 28, cpus: 0.5, pids: 50 },
};
const sandbox = 'a'.repeat(64);
const spec = testSpec('corral/sandbox');
const made = () =>
  createServiceBody({
    service: redis,
    name: 'corral-mine-0123456789abcdef-svc-redis',
    image: 'sha256:1',
    volumes: ['/data'],
    sandbox,
    user: 40_003,
    labels: createSandboxLabels(spec, 'mine'),
    runtime: undefined,
  });

describe('the container of a service', () => {
  test('has the network of its sandbox, its own limits, and folders in memory; the rules below show its walls', () => {
    const { HostConfig: host, ...body } = made();
    expect(host).toMatchObject({
      SecurityOpt: securityOptions,
      NetworkMode: `container:${sandbox}`,
      Memory: 2 ** 28,
      MemorySwap: 2 ** 28,
      NanoCpus: 500_000_000,
      PidsLimit: 50,
      RestartPolicy: { Name: 'no' },
    });
    expect(Object.keys(host?.Tmpfs ?? {}).sort()).toEqual(['/data', '/run', '/srv/data', '/tmp']);
    for (const options of Object.values(host?.Tmpfs ?? {})) expect(options).toMatch(/^rw,nosuid,nodev,.*size=\d+/);
    expect(body).toMatchObject({ User: '40003:40003', Env: ['PASSWORD=$(SECRET)'], Cmd: redis.command });
    const expected = { Test: ['CMD', 'redis-cli', 'ping'], Interval: 3e9, Timeout: 2e9, Retries: 4, StartPeriod: 0 };
    expect(body.Healthcheck).toEqual(expected);
  });

  test('is the only one whose names the sandbox knows, and the forwarder then takes its own user alone', () => {
    const request = { user: 40_001, name: 'n', image: 'i', labels: {}, token: new Secret('t'), mount: '/m' };
    const bare = createSandboxBody({ ...request, spec });
    expect(bare.HostConfig).not.toHaveProperty('ExtraHosts');
    expect(bare.Env?.some((it) => it.startsWith('CORRAL_EGRESS_OWN_USER'))).toBe(false);
    const served = createSandboxBody({ ...request, spec: { ...spec, services: [redis] } });
    expect(served.HostConfig).toMatchObject({ ExtraHosts: ['redis:127.0.0.1'], NetworkMode: 'none' });
    expect(served.Env).toContain('CORRAL_EGRESS_OWN_USER=1');
    // A template cannot turn the guard off.
    const env = { CORRAL_EGRESS_OWN_USER: '0' };
    expect(createSandboxBody({ ...request, spec: { ...spec, env, services: [redis] } }).Env).toContain(
      'CORRAL_EGRESS_OWN_USER=1',
    );
  });

  test('is never claimed with a sandbox of the pool, which has none', () =>
    expect(computeRecipeHash({ ...spec, services: [redis] })).not.toBe(computeRecipeHash(spec)));
});

describe('the engine filter', () => {
  const scope = { instance: 'mine', users: { first: 40_000, last: 40_009 }, root: '/r' };
  type Body = Record<string, unknown> & { HostConfig: Record<string, unknown> };
  const plain = (): Body => {
    const { name: _name, ...body } = made();
    return JSON.parse(JSON.stringify(body));
  };
  const host = (more: object) => (body: Body) => Object.assign(body.HostConfig, more);
  const top = (more: object) => (body: Body) => Object.assign(body, more);

  test('lets a service be made as the driver makes it, next to the container that it names', () => {
    const { data, error } = createServiceRules(scope).safeParse(plain());
    expect(error).toBeUndefined();
    expect(data && parseJoinedContainer(data)).toBe(sandbox);
    expect(isServiceContainerName('mine', 'corral-mine-0123456789abcdef-svc-redis')).toBe(true);
    expect(isServiceContainerName('mine', 'corral-yours-0123456789abcdef-svc-redis')).toBe(false);
    expect(isServiceContainerName('mine', 'corral-mine-0123456789abcdef')).toBe(false);
  });

  test.each<[string, (body: Body) => unknown]>([
    ['privileges', host({ Privileged: true })],
    ['a capability', host({ CapAdd: ['SYS_ADMIN'] })],
    ['the network of the host', host({ NetworkMode: 'host' })],
    ['a network of its own', host({ NetworkMode: 'bridge' })],
    ['a network by a name', host({ NetworkMode: 'container:other' })],
    ['a folder of the host', host({ Binds: ['/:/host'] })],
    ['a mount', host({ Mounts: [{ Type: 'bind', Source: '/', Target: '/host' }] })],
    ['a device', host({ Devices: [{ PathOnHost: '/dev/sda' }] })],
    ['a writable system', host({ ReadonlyRootfs: false })],
    ['no seccomp', host({ SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'] })],
    ['setuid programs in memory', host({ Tmpfs: { '/tmp': 'rw,exec' } })],
    ['the processes of the host', host({ PidMode: 'host' })],
    ['swap', host({ MemorySwap: -1 })],
    ['restarts', host({ RestartPolicy: { Name: 'always' } })],
    ['root', top({ User: '0:0' })],
    ['a user of nobody’s range', top({ User: '10001:10001' })],
    ['labels of another installation', top({ Labels: { 'corral.owner-instance': 'yours' } })],
    ['an entry point', top({ Entrypoint: ['sh'] })],
    ['open ports', top({ ExposedPorts: { '80/tcp': {} } })],
  ])('refuses a service with %s', (_, spoil) => {
    const body = plain();
    spoil(body);
    expect(createServiceRules(scope).safeParse(body).success).toBe(false);
  });

  test('lets a sandbox have names for its own loopback interface alone', () => {
    const name = 'corral-mine-0123456789abcdef';
    const labels = createSandboxLabels(spec, 'mine');
    const request = { user: 40_003, name, image: 'i', labels, token: new Secret('t'), mount: `/r/${spec.id}` };
    const { name: _name, ...body } = createSandboxBody({ ...request, spec: { ...spec, services: [redis] } });
    const input = JSON.parse(JSON.stringify(body));
    expect(createContainerRules(scope, name).safeParse(input).error).toBeUndefined();
    input.HostConfig.ExtraHosts = ['redis:10.0.0.1'];
    expect(createContainerRules(scope, name).safeParse(input).success).toBe(false);
  });
});

test.each(['runsc', 'kata'])('a Docker driver with the runtime %s says why it has no services', async (runtime) => {
  using folder = temporaryFolder();
  const gate = { serve: () => {} };
  const ids = { token: () => 't' } as never;
  await using driver = await createDockerDriver({
    host: 'unix:///none',
    instance: 'mine',
    root: folder.path,
    gate,
    ids,
    runtime,
  });
  expect(driver.capabilities.noServices).toContain(`${runtime} (CORRAL_DOCKER_RUNTIME) cannot share a network`);
});

describe('the pod of a sandbox with services', () => {
  const pod = (services: readonly ServiceSpec[] = [redis]): V1Pod => createPodBody(podInput({ ...spec, services }));
  const container = () => pod().spec?.containers.find(({ name }) => name === 'svc-redis');

  test('has them as containers of their own user, walled as the sandbox is, and the names on loopback', () => {
    const { spec: it } = pod();
    expect(it?.hostAliases).toEqual([{ ip: '127.0.0.1', hostnames: ['redis'] }]);
    expect(it?.containers.map(({ name }) => name)).toEqual(['sandbox', 'svc-redis']);
    expect(container()).toMatchObject({
      args: ['redis-server', '--dir', '$$(HOME)'],
      env: [{ name: 'PASSWORD', value: '$$(SECRET)' }],
      securityContext: {
        privileged: false,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        runAsUser: 10_002,
        runAsGroup: 10_002,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
      readinessProbe: {
        exec: { command: ['redis-cli', 'ping'] },
        periodSeconds: 3,
        timeoutSeconds: 2,
        failureThreshold: 4,
      },
    });
    expect(it?.containers[0]?.env).toContainEqual({ name: 'CORRAL_EGRESS_OWN_USER', value: '1' });
    expect(it?.shareProcessNamespace).toBe(false);
  });

  test('gives them neither tokens nor volumes of the sandbox, and no port to the outside', () => {
    expect(JSON.stringify(container())).not.toMatch(/CORRAL|egress token|hostPort|containerPort/);
    const volumes = new Set(container()?.volumeMounts?.map(({ name }) => name));
    expect([...volumes]).toEqual(['svc-redis']);
    expect(container()?.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual(['/tmp', '/run', '/srv/data']);
    expect(pod().spec?.containers[0]?.volumeMounts?.map(({ name }) => name)).not.toContain('svc-redis');
  });

  const running = { running: { startedAt: new Date(0) } };
  const waiting = (reason: string) => ({ waiting: { reason, message: 'x' } });
  const withStatus = (service: object, sandboxState: object = running): V1Pod => ({
    ...pod(),
    status: {
      phase: 'Pending',
      podIP: '10.0.0.9',
      containerStatuses: [
        { name: 'svc-redis', image: 'redis:7', ...service },
        { name: 'sandbox', image: 'corral/sandbox', ready: true, state: sandboxState },
      ] as never,
    },
  });

  test.each<[object, string]>([
    [{ ready: true, state: running }, 'ready'],
    [{ ready: false, state: running }, 'running'],
    [{ ready: false, state: waiting('ContainerCreating') }, 'absent'],
    [{ ready: false, state: { terminated: { exitCode: 3 } } }, 'exited'],
  ])('tells the state of a service (%o)', (status, state) => {
    const report = { name: 'redis', image: 'redis:7', state, ...(state === 'exited' && { exitCode: 3 }) };
    expect(toServiceStates(withStatus(status))).toEqual([report]);
  });

  test('runs as soon as the sandbox itself does, whatever its services do, and is over when it ends', () => {
    expect(computePodState(withStatus({ state: waiting('ErrImagePull') })).kind).toBe('running');
    expect(computePodState(withStatus({ state: { terminated: { exitCode: 1 } } })).kind).toBe('running');
    expect(computePodState(withStatus({ state: running }, { terminated: { exitCode: 0 } })).kind).toBe('over');
    expect(computePodState(withStatus({ state: running }, waiting('ContainerCreating'))).kind).toBe('waiting');
  });

  test('a service waits for its image, is refused where that is missing, or where the pod was made without it', () => {
    expect(computeServiceStartState(withStatus({ state: waiting('ContainerCreating') }), redis)).toBe('waiting');
    expect(computeServiceStartState(withStatus({ state: running }), redis)).toBe('begun');
    expect(() => computeServiceStartState(withStatus({ state: waiting('ErrImageNeverPull') }), redis)).toThrow(
      expect.objectContaining({ code: 'image_missing', message: expect.stringContaining('redis:7') }),
    );
    expect(() => computeServiceStartState(withStatus({ state: running }), { ...redis, name: 'other' })).toThrow(
      /without this service/,
    );
  });
});
