import { describe } from 'vitest';
import { wireClient } from '../../support/clients/e2b-wire.ts';
import { type Owner, test } from '../../support/fixtures.ts';
import { eachNeeds } from '../../support/servers/components.ts';
import { uploadRows } from './wire-upload-rows.ts';

// The rows run on Docker with the others of the wire.
describe('uploads into a process sandbox', () => {
  let crew: Owner;
  const it = wireClient(() => ({ E2B_API_URL: crew.env.CORRAL_URL, E2B_API_KEY: crew.token }));
  eachNeeds('bubblewrap');
  test.beforeEach(async ({ crew: owner }) => {
    crew = owner;
    if (it.sid === '') await it.create();
  });

  uploadRows(it);
});
