// @module-tag all
// Attacks of one sandbox on the others through the kernel that they share.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDockerDriver } from '../../../drivers/docker/docker.ts';
import type { Driver } from '../../../drivers/driver.ts';
import { budget, sh, testSpec } from '../../support/conformance/harness.ts';
import { hostileCalls, refusedCalls } from '../../support/hostile/hostile-calls.ts';
import { type DockerHarness, dockerHarness, hasDocker, testImage } from '../../support/sandboxes/docker.ts';

describe.skipIf(!(await hasDocker()))('Docker sandboxes next to one another', () => {
  let harness: DockerHarness;
  let driver: Driver;

  beforeAll(async () => {
    harness = await dockerHarness();
    driver = await harness.connect();
  });
  afterAll(async () => {
    for (const { id } of await driver.list(budget())) await driver.destroy(id, 'remove', budget());
    await driver[Symbol.asyncDispose]();
    await harness[Symbol.asyncDispose]();
  });

  async function sandbox() {
    const { id } = await driver.provision(testSpec(testImage), budget(300_000));
    return await driver.attach(id, budget());
  }

  test('the kernel grants a hostile program no keyring, no VSOCK and no name space', async () => {
    await using link = await sandbox();
    expect(JSON.parse(await sh(link, `python3 - <<'END'\n${hostileCalls}\nEND`))).toMatchObject(refusedCalls);
  });

  // Takes as many as the kernel gives one user, and holds them for a while. A sandbox's file limit is lower.
  const hoard = `import ctypes, time
libc = ctypes.CDLL(None)
held = [libc.inotify_init() for _ in range(4000)]
print('hoarded', flush=True)
time.sleep(60)`;
  const one = `python3 -c "import ctypes; print(ctypes.CDLL(None).inotify_init())"`;

  test('a sandbox that takes all inotify instances takes only its own, and the next sandbox has all of its instances', async () => {
    await using greedy = await sandbox();
    await using next = await sandbox();
    await sh(greedy, `cat > /tmp/hoard.py <<'END'\n${hoard}\nEND`);
    const hoarding = 'python3 /tmp/hoard.py > /tmp/hoarded 2>&1 &';
    await sh(greedy, `${hoarding} while ! grep -q hoarded /tmp/hoarded; do sleep 0.1; done`);
    expect(await sh(greedy, one)).toBe('-1\n');
    expect(Number(await sh(next, one))).toBeGreaterThan(0);
    const [a, b] = [await sh(greedy, 'id -u'), await sh(next, 'id -u')];
    expect(a).not.toBe(b);
  });

  test('a sandbox user has a name, a home and a workspace, and stays the same after a stop and for the next server', async () => {
    const spec = testSpec(testImage);
    const first = await harness.connect();
    await first.provision(spec, budget());
    const inside = async (from: Driver, command: string) => {
      await using link = await from.attach(spec.id, budget());
      return await sh(link, command);
    };
    const byLanguages = 'node -p "os.userInfo().username"; python3 -c "import getpass; print(getpass.getuser())"';
    expect(await inside(first, `whoami; id -gn; ${byLanguages}`)).toBe('user\n'.repeat(4));
    const user = await inside(first, 'id -u');
    expect(Number(user)).toBeGreaterThanOrEqual(40_000);
    const commit = 'cd /workspace && git init -q . && git config user.email a@b && git config user.name a';
    const committed = `${commit} && echo 1 > f && git add f && git commit -qm x && echo x > ~/x && echo done`;
    expect(await inside(first, committed)).toBe('done\n');
    await first[Symbol.asyncDispose]();
    await using restarted = await harness.connect();
    expect(await inside(restarted, 'id -u')).toBe(user);
    await restarted.destroy(spec.id, 'keep', budget());
    await restarted.provision(spec, budget());
    const again = 'id -u; cd /workspace && echo 2 > f && git commit -qam y && git log --oneline | wc -l';
    expect(await inside(restarted, again)).toBe(`${user}2\n`);
  });

  test('two sandboxes never share a user, and a start beyond the range of users is refused until another sandbox ends', async () => {
    await using few = await createDockerDriver(harness.options({ users: { first: 50_001, last: 50_002 } }));
    const [first, second, third] = [testSpec(testImage), testSpec(testImage), testSpec(testImage)];
    await few.provision(first, budget());
    await few.provision(second, budget());
    await expect(few.provision(third, budget())).rejects.toMatchObject({ code: 'sandbox_capacity' });
    expect(await harness.remains(third.id)).toEqual([]);
    await few.destroy(first.id, 'keep', budget());
    await few.provision(third, budget()); // as the user of the idle sandbox
    await expect(few.provision(first, budget())).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    await few.destroy(third.id, 'remove', budget());
    await few.provision(first, budget());
  });

  test('of two starts at once with one user left at most one succeeds, and a refused start leaves nothing', async () => {
    await using few = await createDockerDriver(harness.options({ users: { first: 50_010, last: 50_010 } }));
    const specs = [testSpec(testImage), testSpec(testImage)];
    const outcomes = await Promise.allSettled(specs.map((spec) => few.provision(spec, budget())));
    const refused = specs.filter((_, at) => outcomes[at]?.status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(1);
    for (const { id } of refused) expect(await harness.remains(id)).toEqual([]);
    const [again] = refused;
    for (const { id } of specs) await few.destroy(id, 'remove', budget());
    if (again) await few.provision(again, budget());
  });

  test('an image that is for one user only is refused, with what to do', async () => {
    const expected = { code: 'image_missing', message: expect.stringContaining('CORRAL_DOCKER_USERS=none') };
    await expect(driver.provision(testSpec('debian:bookworm-slim'), budget())).rejects.toMatchObject(expected);
  });
});
