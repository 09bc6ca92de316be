import { expect, test } from 'vitest';
import type { DriverDescriptor } from '../../../drivers/descriptor.ts';
import { findStrictRuntime } from '../../../drivers/docker/strict-runtime.ts';
import { findDriver } from '../../../drivers/list.ts';
import { applyIsolation } from '../../../src/app/parts/driver.ts';
import { loadConfig } from '../../../src/app/settings/config.ts';
import '../../support/memory-driver/register.ts';

const engine = { runc: 'runc', 'io.containerd.runc.v2': '', runsc: '/usr/local/bin/runsc' };
const responseTo = (env: Record<string, string>, runtimes: Record<string, string> | Error = engine) =>
  applyIsolation(loadConfig({ CORRAL_SANDBOX_ISOLATION: 'strict', ...env }, ''), (name) => {
    const known = findDriver(name) as DriverDescriptor;
    if (name !== 'docker') return known;
    const ask = () => (runtimes instanceof Error ? Promise.reject(runtimes) : Promise.resolve(runtimes));
    const input = (settings: object) => settings as { runtime?: string };
    return {
      ...known,
      strict: async (settings, refuse) => {
        const engine = { host: 'unix:///somewhere.sock', runtime: input(settings).runtime };
        return { ...settings, runtime: await findStrictRuntime(engine, ask, refuse) };
      },
    };
  });

test.each([
  [{ CORRAL_DRIVER: 'docker' }, engine, { driver: 'docker', docker: { runtime: 'runsc' } }],
  [{ CORRAL_DRIVER: 'auto' }, engine, { driver: 'docker', docker: { runtime: 'runsc' } }],
  [
    { CORRAL_DRIVER: 'docker' },
    { runc: 'runc', 'io.containerd.kata.v2': '' },
    { docker: { runtime: 'io.containerd.kata.v2' } },
  ],
  [
    { CORRAL_DRIVER: 'docker', CORRAL_DOCKER_RUNTIME: 'walled' },
    { runc: 'runc', walled: '/opt/gvisor/runsc' },
    { docker: { runtime: 'walled' } },
  ],
  [
    { CORRAL_DRIVER: 'kubernetes', CORRAL_KUBERNETES_RUNTIME_CLASS: 'gvisor' },
    engine,
    { driver: 'kubernetes', kubernetes: { runtimeClass: 'gvisor' } },
  ],
])('strict isolation with %j on %j takes the runtime that is strict: %j', async (env, runtimes, expected) =>
  expect(await responseTo(env, runtimes)).toMatchObject(expected),
);

test.each([
  [{ CORRAL_DRIVER: 'docker' }, { runc: 'runc' }, /has only the runtimes runc\. Install gVisor/],
  [{ CORRAL_DRIVER: 'auto' }, new Error('no socket'), /no Docker engine answers.*no socket/],
  [{ CORRAL_DRIVER: 'docker', CORRAL_DOCKER_RUNTIME: 'runc' }, engine, /CORRAL_DOCKER_RUNTIME is runc, which is not/],
  [{ CORRAL_DRIVER: 'docker', CORRAL_DOCKER_RUNTIME: 'kata' }, engine, /CORRAL_DOCKER_RUNTIME is kata, which is not/],
  [{ CORRAL_DRIVER: 'process' }, engine, /the driver process cannot provide it/],
  [{ CORRAL_DRIVER: 'memory' }, engine, /the driver memory cannot provide it/],
  [{ CORRAL_DRIVER: 'kubernetes' }, engine, /set CORRAL_KUBERNETES_RUNTIME_CLASS/],
])('strict isolation with %j on %j is refused, with what to do', (env, runtimes, words) =>
  expect(responseTo(env, runtimes)).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringMatching(words),
  }),
);

test('standard isolation asks no engine and changes nothing', async () => {
  const config = loadConfig({}, '');
  const found: string[] = [];
  expect(await applyIsolation(config, (name) => void found.push(name))).toBe(config);
  expect(found).toEqual([]);
});
