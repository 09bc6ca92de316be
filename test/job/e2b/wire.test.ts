// @module-tag all
import { afterAll, beforeAll, describe } from 'vitest';
import { hasDocker } from '../../support/sandboxes/docker.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';
import { wireRows } from './wire-rows.ts';

// Requests like those of the SDKs, and broken ones that no SDK sends.
const docker = await hasDocker();
const token = 'e2b_0123456789';
let server: ServerProcess;

describe.skipIf(!docker)(docker ? 'the E2B facade' : 'the E2B facade: skipped, no Docker', () => {
  beforeAll(async () => {
    const limits = { CORRAL_E2B_MAX_UPLOAD_BYTES: '8MiB' };
    server = await serverProcess({ CORRAL_DRIVER: 'docker', CORRAL_E2B_FACADE: 'on', CORRAL_TOKEN: token, ...limits });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  wireRows(() => ({ E2B_API_URL: server.url, E2B_API_KEY: token }));
});
