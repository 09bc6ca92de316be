import { describe, expect, test } from 'vitest';
import { createSandboxBody } from '../../../drivers/docker/create-body.ts';
import { createSandboxLabels, parseSandboxInfo } from '../../../drivers/docker/labels.ts';
import { createSeccompProfile } from '../../../drivers/shared/seccomp/oci.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { testSpec } from '../../support/conformance/harness.ts';

const spec = testSpec('corral-sandbox', {
  env: { HTTP_PROXY: 'http://127.0.0.1:3128', CORRAL_RUN_DIR: '/evil', CORRAL_SANDBOXD_TOKEN: 'mine' },
  limits: { memoryBytes: 2 ** 30, cpus: 1.5, pids: 512, diskBytes: 2 ** 30 },
});
const request = {
  spec,
  user: 40_007,
  name: 'corral-test-1',
  image: 'corral-sandbox:abc',
  labels: createSandboxLabels(spec, 'test'),
  token: new Secret('s3cret'),
  mount: '/data/s/sbx/mount',
};
const body = createSandboxBody(request);
const host = body.HostConfig as Record<string, unknown>;

test('a container gains no privileges from a program, and its system calls follow our seccomp profile', () =>
  expect(host.SecurityOpt).toEqual(['no-new-privileges', `seccomp=${createSeccompProfile()}`]));

test("a container's system is read-only, and its writable folders are in memory or in its volume", () => {
  expect(host.ReadonlyRootfs).toBe(true);
  expect(Object.keys(host.Tmpfs as object).sort()).toEqual(['/home/agent', '/mnt', '/run', '/tmp']);
  for (const options of Object.values(host.Tmpfs as object)) expect(options).toMatch(/^rw,nosuid,nodev,.*size=\d+/);
  expect(host.Mounts).toEqual([
    expect.objectContaining({ Type: 'bind', Source: '/data/s/sbx/mount', Target: '/run/corral', ReadOnly: true }),
    expect.objectContaining({ Type: 'volume', Source: 'corral-test-1', Target: '/workspace' }),
    expect.objectContaining({ Type: 'volume', Source: 'corral-test-1', Target: '/home/user' }),
  ]);
});

test('a new volume is filled from one folder of the image alone, whichever place the engine mounts first', () => {
  const volumes = (host.Mounts as { VolumeOptions?: { NoCopy: boolean } }[]).slice(1);
  expect(volumes.map(({ VolumeOptions }) => VolumeOptions?.NoCopy)).toEqual([false, true]);
});

test('a container has limits for memory, processors, processes, files and logs, and no swap', () => {
  expect(host).toMatchObject({ Memory: 2 ** 30, MemorySwap: 2 ** 30, NanoCpus: 1_500_000_000, PidsLimit: 512 });
  // A sandbox yields busy processors to the server and to every other container: the engine's default is 1,024.
  expect(host.CpuShares).toBe(16);
  expect(host.Ulimits).toEqual([
    { Name: 'nofile', Soft: 4_096, Hard: 4_096 },
    { Name: 'core', Soft: 0, Hard: 0 },
  ]);
  const expected = { Type: 'local', Config: expect.objectContaining({ 'max-size': '1m', 'max-file': '1' }) };
  expect(host.LogConfig).toEqual(expected);
});

test('the token and the places of the daemon are ours, whatever the template says', () => {
  expect(body.Env).toContain('HTTP_PROXY=http://127.0.0.1:3128');
  expect(body.Env?.filter((line) => line.startsWith('CORRAL_')).sort()).toEqual([
    `CORRAL_DISK_BYTES=${spec.limits.diskBytes}`,
    'CORRAL_MEMORY_BYTES=1073741824',
    'CORRAL_RUN_DIR=/run/corral',
    expect.stringMatching(/^CORRAL_SANDBOXD_TOKEN=sha256:[0-9a-f]{64}$/),
    `CORRAL_SANDBOX_ID=${spec.id}`,
    'CORRAL_TOKEN_FILE=/run/corral/token',
    'CORRAL_WORKSPACE=/workspace',
    'CORRAL_WORKSPACE_ALIAS=/home/user',
  ]);
});

test("a container runs in the engine's own runtime or in the one that the operator names", () => {
  expect(host).not.toHaveProperty('Runtime');
  expect(createSandboxBody({ ...request, runtime: 'runsc' }).HostConfig).toEqual({ ...host, Runtime: 'runsc' });
});

test('the engine never gets the token itself, which inspect would show', () =>
  expect(JSON.stringify(body)).not.toContain('s3cret'));

describe('labels', () => {
  test('reserved ones cannot be overridden or added by others', () => {
    const others = { 'corral.session': 'x', 'Corral.owner-instance': 'y', 'corral.more': 'z', team: 'blue' };
    const labels = createSandboxLabels(spec, 'test', others);
    expect(labels).toMatchObject({ 'corral.session': spec.sessionId, 'corral.owner-instance': 'test', team: 'blue' });
    expect(labels).not.toHaveProperty('Corral.owner-instance');
    expect(labels).not.toHaveProperty('corral.more');
  });

  test('a sandbox is known again by its labels alone', () => {
    const { id, sessionId, epoch, template, image, expiresAt } = spec;
    const info = parseSandboxInfo(createSandboxLabels(spec, 'test'), 'paused');
    expect(info).toEqual({ id, sessionId, epoch, template, image, expiresAt, phase: 'paused' });
  });

  test.each([undefined, {}, { 'corral.session': '../../etc' }])('%j are not labels of a sandbox', (labels) =>
    expect(parseSandboxInfo(labels, 'ready')).toBeUndefined(),
  );
});
