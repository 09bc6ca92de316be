// @module-tag nightly
// Starts the services of docker-compose.yaml with the docker command alone: server, filter and a session.
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { run } from '../../support/clients/api.ts';
import { serverImage } from '../../support/cluster/chart.ts';
import { docker } from '../../support/sandboxes/docker.ts';
import { needs } from '../../support/servers/components.ts';
import { freePort } from '../../support/servers/free-port.ts';

interface Service {
  readonly command?: string[];
  readonly environment?: Record<string, string>;
  readonly volumes?: string[];
  readonly [key: string]: unknown;
}
const root = join(import.meta.dirname, '../../..');
const inSeries = (flag: string) => (value: unknown) => (value as string[]).flatMap((it) => [flag, it]);
const flags: Record<string, (value: unknown) => string[]> = {
  read_only: () => ['--read-only'],
  cap_drop: inSeries('--cap-drop'),
  cap_add: inSeries('--cap-add'),
  security_opt: inSeries('--security-opt'),
  tmpfs: inSeries('--tmpfs'),
  volumes: inSeries('--volume'),
  ports: inSeries('--publish'),
  user: (value) => ['--user', String(value)],
  network_mode: (value) => ['--network', String(value)],
  mem_limit: (value) => ['--memory', String(value)],
  environment: (value) => Object.entries(value as object).flatMap(([name, text]) => ['--env', `${name}=${text}`]),
  healthcheck: () => ['--no-healthcheck'], // it prints nothing else
  // compose itself or this test handles these fields
  ...Object.fromEntries(
    ['image', 'build', 'restart', 'depends_on', 'command', 'stop_grace_period', 'profiles'].map((it) => [it, () => []]),
  ),
};
const argumentsFor = (service: Service) =>
  Object.entries(service).flatMap(([key, value]) => {
    const make = flags[key];
    if (!make) throw new Error(`this test does not know what ${key} means`);
    return make(value);
  });

test('server and filter from docker-compose.yaml run a whole session, and SIGTERM ends the server', async (context) => {
  await needs(context, 'docker');
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'corral-compose-'));
  stack.defer(async () => {
    await rm(folder, { recursive: true, force: true });
    await rm(`${folder}-sockets`, { recursive: true, force: true }); // the engine created this folder as root
  });
  await chown(folder, 10_000, 10_000);
  await chmod(folder, 0o700);
  const own = `corral-compose-${process.pid}`;
  const sandboxImage = 'corral-test/sandbox:compose';
  const image = await serverImage();
  const port = await freePort();
  const [volume, token] = [`${own}-engine`, 'a-token-for-compose'];

  // Unique names and paths, so that the stack does not collide with others on this engine.
  const text = (await readFile(join(root, 'docker-compose.yaml'), 'utf8'))
    .replaceAll('/var/lib/corral', folder)
    .replaceAll('compose,', `${own},`)
    .replaceAll('CORRAL_INSTANCE: compose', `CORRAL_INSTANCE: ${own}`)
    .replaceAll('engine:/run/corral-engine', `${volume}:/run/corral-engine`)
    .replaceAll(/corral\/sandbox:\$\{[^}]*\}/g, sandboxImage)
    .replaceAll('127.0.0.1:8000:8000', `127.0.0.1:${port}:8000`);
  const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
  const { corral = {}, 'engine-filter': filter = {}, 'sandbox-image': builder = {} } = services;
  const input = { ...corral.environment, CORRAL_DATA_DIR: folder, CORRAL_TOKEN: token };
  const { MONGODB_URL: _, ...environment } = { ...input, CORRAL_SANDBOX_IMAGE: sandboxImage } as Record<string, string>;
  for (const [name, value] of Object.entries(environment))
    environment[name] = value.replace(/^\$\{[A-Z_]+:-(.*)\}$/, '$1');

  await docker('run', '--rm', ...argumentsFor(builder), image, ...(builder.command ?? []));
  const start = async (name: string, service: Service) => {
    // The container may not exist.
    stack.defer(async () => void (await docker('rm', '--force', '--volumes', name).catch(() => {})));
    await docker('run', '--detach', '--name', name, ...argumentsFor(service), image, ...(service.command ?? []));
  };
  stack.defer(async () => {
    const left = (await docker('ps', '--all', '--quiet', '--filter', `label=corral.instance=${own}`))
      .split('\n')
      .filter(Boolean);
    if (left.length > 0) await docker('rm', '--force', '--volumes', ...left);
    await docker('volume', 'rm', '--force', volume);
  });
  await start(`${own}-filter`, filter);
  await start(own, { ...corral, environment });
  const health = () => docker('inspect', '--format', '{{.State.Health.Status}}', own);
  await expect.poll(health, { interval: 500 }).toBe('healthy');

  const args = ['--disable-warning=ExperimentalWarning', 'src/app/main.ts', 'try', '--url', `http://127.0.0.1:${port}`];
  const options = { cwd: root, env: { PATH: process.env.PATH, CORRAL_TOKEN: token }, timeout: 120_000 };
  const { stdout } = await run(process.execPath, args, options);
  expect(stdout).toContain('everything works');
  expect(await docker('ps', '--all', '--quiet', '--filter', `label=corral.instance=${own}`)).toBe('');

  const { Config, HostConfig, Mounts } = JSON.parse(await docker('inspect', '--format', '{{json .}}', own));
  expect(Config.User).toBe('10000:10000');
  expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], Privileged: false });
  expect(JSON.stringify(Mounts)).not.toContain('docker.sock');

  await docker('stop', '--time', '30', own);
  expect(await docker('inspect', '--format', '{{.State.ExitCode}}', own)).toBe('0');
});
