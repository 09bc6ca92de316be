// @module-tag nightly
import { afterAll, beforeAll, describe } from 'vitest';
import { stepsOf } from '../../support/clients/e2b-steps.ts';
import { hasDocker } from '../../support/sandboxes/docker.ts';
import { hasBubblewrap } from '../../support/servers/process.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';
import { volumes } from './expected-volumes.ts';

const drivers = { docker: await hasDocker(), process: (await hasBubblewrap()) !== undefined };

// The published SDKs with volumes, on each driver that supports them.
for (const driver of ['docker', 'process'] as const) {
  const name = `volumes of the E2B SDKs on ${driver}`;
  describe.skipIf(!drivers[driver])(drivers[driver] ? name : `${name}: skipped, it does not work here`, () => {
    let server: ServerProcess;
    beforeAll(async () => {
      server = await serverProcess({ CORRAL_DRIVER: driver, CORRAL_E2B_FACADE: 'on', CORRAL_TOKEN: 'e2b_0123456789' });
    });
    afterAll(() => server[Symbol.asyncDispose]());
    const env = () => ({
      E2B_API_URL: server.url,
      E2B_SANDBOX_URL: server.url,
      E2B_VOLUME_API_URL: server.url,
      E2B_API_KEY: 'e2b_0123456789',
    });
    stepsOf('volumes.mjs', volumes, env);
  });
}
