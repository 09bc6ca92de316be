// @module-tag nightly
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { stepsOf } from '../../support/clients/e2b-steps.ts';
import { hasDocker, removeBuiltImages } from '../../support/sandboxes/docker.ts';
import { has } from '../../support/servers/components.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';
import { templates } from './expected-templates.ts';

// The published SDKs build templates of apt, pip and npm steps, and find each by its alias.
const isHere = (await hasDocker()) && (await has('registries'));
const name = 'templates that the E2B SDKs build';

describe.skipIf(!isHere)(isHere ? name : `${name}: skipped, no Docker or no registries`, () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await serverProcess({
      CORRAL_DRIVER: 'docker',
      CORRAL_E2B_FACADE: 'on',
      CORRAL_BUILDS_ALLOW: 'on',
      CORRAL_TOKEN: 'e2b_0123456789',
    });
  });
  afterAll(async () => {
    const instance = (await readFile(join(server.data, 'instance'), 'utf8')).trim();
    await server[Symbol.asyncDispose]();
    await removeBuiltImages(instance);
  });
  const env = () => ({ E2B_API_URL: server.url, E2B_SANDBOX_URL: server.url, E2B_API_KEY: 'e2b_0123456789' });
  stepsOf('templates.mjs', templates, env);
});
