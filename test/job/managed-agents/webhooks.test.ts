// @module-tag nightly
import { expect } from 'vitest';
import { stepsOf, testEverywhere } from './programs.ts';

testEverywhere(
  'a program verifies by the SDK what a webhook tells of its sessions and of what it keeps',
  { settings: { CORRAL_WEBHOOKS_ALLOW_RANGES: '127.0.0.0/8' } },
  async (it) => {
    expect(await stepsOf(it, 'webhooks.mjs', { CORRAL_URL: it.server.url })).toEqual({
      about: [
        ['agent.archived', 'agent.created', 'agent.updated'],
        ['environment.created'],
        ['environment.created', 'environment.deleted'],
        ['vault.archived', 'vault.created'],
        ['vault_credential.archived in the vault', 'vault_credential.created in the vault'],
        ['memory_store.archived', 'memory_store.created', 'memory_store.deleted'],
        ['session.created', 'session.status_idled', 'session.status_run_started'],
        [
          'session.created',
          'session.outcome_evaluation_ended',
          'session.outcome_evaluation_ended',
          'session.status_idled',
          'session.status_run_started',
        ],
        ['session.archived', 'session.created', 'session.status_terminated', 'session.updated'],
        [
          'deployment.archived',
          'deployment.created',
          'deployment.paused',
          'deployment.paused',
          'deployment.unpaused',
          'deployment.updated',
        ],
      ],
      fields: [
        'type,id,created_at,data,type,id,organization_id,workspace_id',
        'type,id,created_at,data,type,id,vault_id,organization_id,workspace_id',
      ],
      ids: true,
      refused: [true, true, true],
    });
  },
);
