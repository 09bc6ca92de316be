// @module-tag nightly
// Attacks of one sandbox on the others when gVisor gives each sandbox a kernel of its own.
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { dockerDriver } from '../../../drivers/docker/docker.ts';
import { askDaemon, budget, sh, testSpec } from '../../support/conformance/harness.ts';
import { hostileCalls, refusedCalls } from '../../support/hostile/hostile-calls.ts';
import { dockerHarness, testImage } from '../../support/sandboxes/docker.ts';
import { needs } from '../../support/servers/components.ts';

async function sandboxes(context: TestContext) {
  await needs(context, 'gvisor');
  const harness = await dockerHarness();
  const driver = await dockerDriver(harness.options({ runtime: 'runsc' }));
  onTestFinished(async () => {
    for (const { id } of await driver.list(budget())) await driver.destroy(id, 'remove', budget());
    await driver[Symbol.asyncDispose]();
    await harness[Symbol.asyncDispose]();
  });
  const spec = testSpec(testImage);
  await driver.provision(spec, budget(300_000));
  const open = async () => {
    const link = await driver.attach(spec.id, budget());
    onTestFinished(() => link[Symbol.asyncDispose]());
    return link;
  };
  return { harness, driver, spec, open };
}

test('under gVisor no call that is refused elsewhere reaches the host: it fails, or makes name spaces of gVisor alone', async (context) => {
  const { open } = await sandboxes(context);
  const link = await open();
  expect(await sh(link, 'dmesg')).toContain('Starting gVisor'); // the proof that this is not the host's kernel
  const reported = JSON.parse(await sh(link, `python3 - <<'END'\n${hostileCalls}\nEND`)) as Record<string, string>;
  const granted = Object.keys(reported).filter(
    (name) => reported[name] === 'allowed' && refusedCalls[name] !== 'allowed',
  );
  expect(granted.sort()).toEqual(['clone user', 'unshare time', 'unshare user']);
  expect(reported).toMatchObject({ keyctl: 'ENOSYS', vsock: 'EAFNOSUPPORT', alg: 'EAFNOSUPPORT', packet: 'EPERM' });
  expect(reported).toMatchObject({
    unix: 'allowed',
    inet: 'allowed',
    clone: 'allowed',
    getpid: 'allowed',
    future: 'ENOSYS',
  });
});

test('under gVisor a sandbox that takes all inotify instances takes none from the host or from other sandboxes', async (context) => {
  const { driver, harness, spec, open } = await sandboxes(context);
  const greedy = await open();
  const program = `import ctypes, time
libc = ctypes.CDLL(None)
held = [libc.inotify_init() for _ in range(4000)]
print('held', min(held), flush=True)
time.sleep(120)`;
  await sh(greedy, `cat > /tmp/hoard.py <<'END'\n${program}\nEND`);
  const wait = 'timeout 60 sh -c "until grep -q held /tmp/held; do sleep 0.1; done"; cat /tmp/held';
  const held = await sh(greedy, `python3 /tmp/hoard.py >/tmp/held 2>&1 & ${wait}`);
  expect(held).toMatch(/^held \d+\n$/); // far more than the host's kernel gives one user

  // The most sensitive neighbour: a container on the host's kernel, with the same host user as the hoarding sandbox.
  const user = Number(await sh(greedy, 'id -u'));
  await using ofHost = await dockerDriver(
    harness.options({ instance: `${harness.options().instance}-runc`, users: { first: user, last: user } }),
  );
  const beside = testSpec(testImage);
  await ofHost.provision(beside, budget());
  try {
    await using link = await ofHost.attach(beside.id, budget());
    const [same, limit] = (await sh(link, 'id -u; cat /proc/sys/fs/inotify/max_user_instances'))
      .split('\n')
      .map(Number);
    expect(same).toBe(user);
    expect(limit).toBeLessThan(4_000); // otherwise the test proves nothing
    const one = 'python3 -c "import ctypes; print(ctypes.CDLL(None).inotify_init())"';
    expect(Number(await sh(link, one))).toBeGreaterThan(0);
  } finally {
    await ofHost.destroy(beside.id, 'remove', budget());
  }
  expect((await driver.list(budget())).map(({ id }) => id)).toEqual([spec.id]);
});

test('under gVisor a sandbox starts as a user of its own, who has a name, a home and a workspace that stay', async (context) => {
  const { driver, spec, open } = await sandboxes(context);
  const link = await open();
  const user = await sh(link, 'id -u');
  expect(Number(user)).toBeGreaterThanOrEqual(40_000);
  const names =
    'whoami; id -gn; node -p "os.userInfo().username"; python3 -c "import getpass; print(getpass.getuser())"';
  expect(await sh(link, names)).toBe('user\nuser\nuser\nuser\n');
  // The mounts of one volume are different devices there, and one folder nevertheless.
  expect(await askDaemon(link, 'GET', '/paths/entry?path=/home/user')).toMatchObject({ body: { workspace: true } });
  expect(await sh(link, 'echo both > /workspace/b && cd /home/user && pwd -P && cat b')).toBe('/home/user\nboth\n');
  expect(await sh(link, 'echo here > ~/x && echo kept > /workspace/f && stat -c %u ~/x /workspace/f')).toBe(
    `${user}${user}`,
  );
  await driver.destroy(spec.id, 'keep', budget());
  await driver.provision(spec, budget());
  const again = await open();
  expect(await sh(again, 'id -u; cat /workspace/f; echo more >> /workspace/f && echo written')).toBe(
    `${user}kept\nwritten\n`,
  );
});
