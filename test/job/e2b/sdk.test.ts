// @module-tag nightly
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { stepsOf } from '../../support/clients/e2b-steps.ts';
import { hasDocker, removeBuiltImages } from '../../support/sandboxes/docker.ts';
import { buildVariant } from '../../support/servers/build-variant.ts';
import { has } from '../../support/servers/components.ts';
import { hasBubblewrap } from '../../support/servers/process.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';
import { code, core, python, templates, volumes } from './expected.ts';

// The published SDKs are the oracle: unpatched, configured only by environment variables.
const docker = await hasDocker();
const bubblewrap = (await hasBubblewrap()) !== undefined;
const rows = [
  {
    name: 'programs on the E2B SDKs',
    isHere: docker,
    settings: { CORRAL_DRIVER: 'docker', CORRAL_E2B_MAX_UPLOAD_BYTES: '8MiB' },
    programs: { 'core.mjs': core, 'code.mjs': code, 'core.py': python },
  },
  {
    name: 'templates of apt, pip and npm steps that the E2B SDKs build',
    isHere: docker && (await has('registries')),
    settings: { CORRAL_DRIVER: 'docker', CORRAL_BUILDS_ALLOW: 'on' },
    programs: { 'templates.mjs': templates },
  },
  ...[['docker', docker] as const, ['process', bubblewrap] as const].map(([driver, isHere]) => ({
    name: `volumes of the E2B SDKs on ${driver}`,
    isHere,
    settings: { CORRAL_DRIVER: driver },
    programs: { 'volumes.mjs': volumes },
  })),
];

for (const { name, isHere, settings, programs } of rows) {
  describe.skipIf(!isHere)(isHere ? name : `${name}: skipped, it does not work here`, () => {
    const token = 'e2b_0123456789';
    let server: ServerProcess;
    beforeAll(async () => {
      if ('code.mjs' in programs) await buildVariant('code'); // a create call would wait for it longer than the SDKs do
      server = await serverProcess({ ...settings, CORRAL_E2B_FACADE: 'on', CORRAL_TOKEN: token });
    });
    afterAll(async () => {
      const instance = (await readFile(join(server.data, 'instance'), 'utf8')).trim();
      await server[Symbol.asyncDispose]();
      if ('templates.mjs' in programs) await removeBuiltImages(instance);
    });
    const env = () => ({
      E2B_API_URL: server.url,
      E2B_SANDBOX_URL: server.url,
      E2B_VOLUME_API_URL: server.url,
      E2B_API_KEY: token,
    });
    for (const [file, expected] of Object.entries(programs)) stepsOf(file, expected, env);
  });
}
