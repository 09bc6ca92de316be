// @module-tag nightly
import { afterAll, beforeAll, describe } from 'vitest';
import { stepsOf } from '../../support/clients/e2b-steps.ts';
import { hasDocker } from '../../support/sandboxes/docker.ts';
import { buildVariant } from '../../support/servers/build-variant.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';
import { code, core, python } from './expected.ts';

// The published SDKs are the oracle: unpatched, configured only by environment variables.
const docker = await hasDocker();
let server: ServerProcess;

describe.skipIf(!docker)(docker ? 'programs on the E2B SDKs' : 'programs on the E2B SDKs: skipped, no Docker', () => {
  beforeAll(async () => {
    await buildVariant('code'); // a create call would wait for it longer than the SDKs do
    server = await serverProcess({
      CORRAL_DRIVER: 'docker',
      CORRAL_E2B_FACADE: 'on',
      CORRAL_E2B_MAX_UPLOAD_BYTES: '8MiB',
      CORRAL_TOKEN: 'e2b_0123456789',
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const env = () => ({ E2B_API_URL: server.url, E2B_SANDBOX_URL: server.url, E2B_API_KEY: 'e2b_0123456789' });
  stepsOf('core.mjs', core, env);
  stepsOf('code.mjs', code, env);
  stepsOf('core.py', python, env);
});
