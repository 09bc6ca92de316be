import { afterAll, beforeAll, describe } from 'vitest';
import { wireClient } from '../../support/clients/e2b-wire.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { uploadRows } from './wire-upload-rows.ts';

// The rows run on Docker with the other wire rows.
const token = 'e2b_0123456789';
let server: ComposedServer;

describe('uploads into a process sandbox', () => {
  const it = wireClient(() => ({ E2B_API_URL: server.url, E2B_API_KEY: token }));
  beforeAll(async () => {
    const limits = { CORRAL_E2B_MAX_UPLOAD_BYTES: '8MiB' };
    const options = { CORRAL_DRIVER: 'process', CORRAL_E2B_FACADE: 'on', CORRAL_TOKEN: token, ...limits };
    server = await composedServer(options);
    await it.create();
  });
  afterAll(async () => {
    await it.api(`/sandboxes/${it.sid}`, { method: 'DELETE' });
    await server[Symbol.asyncDispose]();
  });

  uploadRows(it);
});
