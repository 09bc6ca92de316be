// What one sandbox's program can do to the others through the kernel that they share.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { budget, sh, testSpec } from '../../drivers/conformance.ts';
import type { Driver } from '../../drivers/driver.ts';
import { type DockerHarness, dockerHarness, hasDocker, testImage } from '../support/docker.ts';
import { hostileCalls, refusedCalls } from '../support/hostile-calls.ts';

describe.skipIf(!(await hasDocker()))('Docker sandboxes beside one another', () => {
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
    const told = JSON.parse(await sh(link, `python3 - <<'END'\n${hostileCalls}\nEND`));
    expect(told).toMatchObject(refusedCalls);
  }, 330_000);
});
