// @module-tag all
// Services next to a sandbox on a real engine: reachable by their names from their own sandbox alone, without a way out.
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createDockerDriver } from '../../../drivers/docker/docker.ts';
import type { Driver, Pausable, SandboxSpec, ServiceHost, ServiceSpec } from '../../../drivers/driver.ts';
import { budget, sh, testSpec } from '../../support/conformance/harness.ts';
import { type DockerHarness, docker, dockerHarness, hasDocker, testImage } from '../../support/sandboxes/docker.ts';
import { askStandIns, standInAnswers, standInImage, standInSpecs } from '../../support/sandboxes/stand-in-services.ts';

describe.skipIf(!(await hasDocker()))('Docker services (needs that Docker answers)', () => {
  let harness: DockerHarness;
  let driver: Driver & ServiceHost & Pausable;
  let spec: SandboxSpec;
  const services = standInSpecs();

  beforeAll(async () => {
    harness = await dockerHarness();
    driver = await createDockerDriver(harness.options());
    spec = testSpec(testImage, { services });
    await driver.provision(spec, budget(300_000));
    await begin(spec);
  });
  afterAll(async () => {
    for (const { id } of await driver.list(budget())) await driver.destroy(id, 'remove', budget());
    await driver[Symbol.asyncDispose]();
    await harness[Symbol.asyncDispose]();
  });

  async function begin({ id }: SandboxSpec): Promise<void> {
    for (const service of services) await driver.startService(id, service, budget());
    await vi.waitFor(async () => expect(await states(id)).toEqual(['postgres ready', 'redis running', 'web running']), {
      timeout: 30_000,
      interval: 100,
    });
  }
  async function states(id: SandboxSpec['id']): Promise<string[]> {
    return (await driver.services(id, budget())).map(({ name, state }) => `${name} ${state}`);
  }
  async function inside(id: SandboxSpec['id'], command: string): Promise<string> {
    await using link = await driver.attach(id, budget(), 'guest');
    return await sh(link, command);
  }
  const container = (service: string) => `${harness.nameOf(spec.id)}-svc-${service}`;
  const asService = (program: string) =>
    docker('exec', container('web'), 'python3', '-c', `import socket\n${program}`).catch((error: Error) => `${error}`);

  test('the sandbox reaches web, redis and postgres by their names, and web reaches redis', async () => {
    await expect.poll(() => inside(spec.id, askStandIns)).toBe(standInAnswers);
  });

  test('a second start of a service that runs changes nothing', async () => {
    const before = await docker('inspect', '--format', '{{.Id}}', container('redis'));
    for (const service of services) await driver.startService(spec.id, service, budget());
    expect(await docker('inspect', '--format', '{{.Id}}', container('redis'))).toBe(before);
  });

  test('a service has no way out of its own: not the proxy, not the network, not the host, not its name server', async () => {
    // This test's proxy answers with the id of the sandbox.
    expect(await inside(spec.id, "bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; cat <&3'")).toBe(spec.id);
    const host = createServer((socket) => socket.end('host')).listen(0, '0.0.0.0');
    await using _closing = { [Symbol.asyncDispose]: () => new Promise<void>((done) => host.close(() => done())) };
    const address = host.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const bridge = await docker('network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}');
    const targets = [
      ['127.0.0.1', 3128],
      ['127.0.0.1', port],
      [bridge || '172.17.0.1', port],
      ['169.254.169.254', 80],
      ['1.1.1.1', 443],
    ];
    const reported = await asService(`
def dial(host, port):
    try:
        with socket.create_connection((host, port), timeout=3) as far:
            far.sendall(b'x')
            return repr(far.recv(100))
    except OSError as error:
        return type(error).__name__ + ' ' + str(error)
for target in ${JSON.stringify(targets)}: print(dial(*target))
try: print(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('1.1.1.1', 53)))
except OSError as error: print(error)
print(socket.if_nameindex())`);
    expect(reported.split('\n')).toEqual([
      // the forwarder accepts it, and closes it without reading
      expect.stringMatching(/^b''$|^ConnectionReset|^BrokenPipe/),
      expect.stringMatching(/Connection refused/),
      ...[1, 2, 3, 4].map(() => expect.stringMatching(/Network is unreachable/)),
      "[(1, 'lo')]",
    ]);
  });

  test('another session reaches none of them, by name or address', async () => {
    const other = testSpec(testImage);
    await driver.provision(other, budget());
    const dials = ['redis', 'web', '127.0.0.1'].map(
      (host) => `(exec 3<>/dev/tcp/${host}/6379) 2>/dev/null && echo ${host} open`,
    );
    expect(await inside(other.id, `bash -c '${dials.join('; ')}; echo end'`)).toBe('end\n');
    await driver.destroy(other.id, 'remove', budget());
  });

  test('a service is walled as a sandbox is: another user, no capabilities, a read-only system, limits, nothing of the sandbox', async () => {
    const [found] = JSON.parse(await docker('inspect', container('postgres')));
    expect(found.HostConfig).toMatchObject({ CapDrop: ['ALL'], Memory: 128 * 2 ** 20, PidsLimit: 64 });
    expect(found.Mounts).toEqual([]);
    expect(await asService("open('/etc/x', 'w')")).toMatch(/^Error.*Read-only file system/s);
    const user = (await inside(spec.id, 'id -u')).trim();
    expect(found.Config.User).not.toBe(`${user}:${user}`);
    expect(await asService("import os\nprint(os.path.exists('/workspace'), os.path.exists('/run/corral'))")).toBe(
      'False False',
    );
  });

  test('a pause freezes them with the sandbox, and a resume thaws them', async () => {
    await driver.pause(spec.id, budget());
    expect(await states(spec.id)).toEqual(['postgres paused', 'redis paused', 'web paused']);
    await driver.resume(spec.id, budget());
    await expect.poll(() => inside(spec.id, askStandIns)).toBe(standInAnswers);
  });

  test('a service that ends at once says so, and an image that is not there is refused', async () => {
    const [first] = services as [ServiceSpec];
    const broken = { ...first, name: 'broken', command: ['python3', '-c', 'raise SystemExit(7)'] };
    await driver.startService(spec.id, broken, budget());
    const exited = { name: 'broken', image: standInImage, state: 'exited', exitCode: 7 };
    await expect.poll(() => driver.services(spec.id, budget())).toContainEqual(exited);
    const missing = { ...first, name: 'missing', image: 'localhost:1/none:1' };
    await expect(driver.startService(spec.id, missing, budget())).rejects.toMatchObject({ code: 'image_missing' });
  });

  test('services whose sandbox died behind our back are replaced', { tags: ['nightly'] }, async () => {
    await harness.killBehindItsBack(spec.id);
    await driver.destroy(spec.id, 'keep', budget());
    expect(await harness.remains(spec.id)).toEqual([expect.stringMatching(/^corral-test.*|volume/)]);
    await driver.provision(spec, budget());
    await begin(spec);
    await expect.poll(() => inside(spec.id, askStandIns)).toBe(standInAnswers);
  });

  test('a leftover of services without their sandbox is listed, and ended like one', async () => {
    await docker('rm', '-f', harness.nameOf(spec.id));
    await docker('volume', 'rm', harness.nameOf(spec.id));
    await using restarted = await harness.connect();
    const listed = (await restarted.list(budget())).filter(({ id }) => id === spec.id);
    expect(listed).toMatchObject([{ phase: 'exited', sessionId: spec.sessionId }]);
    await restarted.destroy(spec.id, 'remove', budget());
    expect([await harness.remains(spec.id), await restarted.list(budget())]).toEqual([[], []]);
  });
});
