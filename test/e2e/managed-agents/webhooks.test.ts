import { expect, test } from 'vitest';
import { runProgram } from '../../support/clients/e2b-sdks.ts';
import { eachNeeds } from '../../support/servers/components.ts';
import { javascript, program, serverWith } from './programs.ts';

eachNeeds('bubblewrap'); // a server with a model does not start without it

test('a program verifies by the SDK what a webhook tells of its session', { timeout: 400_000 }, async () => {
  await using it = await serverWith('anthropic', 'process', { CORRAL_WEBHOOKS_ALLOW_RANGES: '127.0.0.0/8' });
  const files = [program('webhooks.mjs')];
  expect(await runProgram({ ...javascript, files }, { ...it.env, CORRAL_URL: it.server.url })).toEqual({
    types: ['session.status_idled', 'session.status_run_started'],
    about: true,
    fields: ['type,id,created_at,data,type,id,organization_id,workspace_id'],
    ids: true,
    refused: [true, true, true],
  });
});
