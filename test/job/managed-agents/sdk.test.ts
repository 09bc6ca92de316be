// @module-tag nightly
import { expect } from 'vitest';
import { core } from './expected.ts';
import { bad, goneRefusal, stepsOf, testEverywhere } from './programs.ts';

// The published SDKs are the oracle: unpatched, configured only by base URL and key.

testEverywhere('a program in Python finds what it expects', async (it) =>
  expect(await stepsOf(it, 'core.py')).toEqual(core),
);

const results = ['rain in Bergen', 'rain in Oslo'];
const ran = [Array(2).fill('get_weather'), results, expect.stringContaining('rain in ')];
testEverywhere('a program in TypeScript runs its tools by the SDK’s runner', async (it) =>
  expect(await stepsOf(it, 'runner.mjs')).toEqual(ran),
);

// The SDK's worker keeps memory stores at their paths below /mnt/memory of its own machine, so it runs as root here.

testEverywhere('the worker of the SDK serves the queue, and keeps the memory stores of its session', async (it) => {
  expect(process.getuid?.()).toBe(0);
  expect(await stepsOf(it, 'worker.py')).toEqual({
    worker: ['end_turn', 'of the SDK'],
    memory: [
      ['shortbe kind', true],
      [{ '/new.md': 'new', '/style.md': 'long' }, { '/deep/rule.md': 'be kind' }],
      [
        ['created', '/new.md', 'session_actor'],
        ['modified', '/style.md', 'session_actor'],
      ],
      [false, false],
    ],
    queue: [['starting', 'active', true], ['stopping', 'stopped'], [412, 'heartbeat_precondition_failed'], 409],
  });
});

testEverywhere(
  'a program verifies by the SDK what a webhook tells of its sessions and of what it keeps',
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
  { CORRAL_WEBHOOKS_ALLOW_RANGES: '127.0.0.0/8' },
);

const cron = [
  ['schedule', true, null],
  [true, ['You wrote: Good morning.'], true],
  ['paused', true],
];

testEverywhere('a program deploys an agent, runs it, and finds its runs', async (it) => {
  expect(await stepsOf(it, 'deployments.py')).toEqual({
    crud: [
      ['active', 1, null, 5, [9]],
      ['Each day', { by: 'b' }, null, 'Write the report.'],
      [1, 2, 'paused', 'manual', 'active', null],
      [true, [], true, []],
      [true, true, [], true],
      bad,
      bad,
      bad,
    ],
    work: [
      ['manual', null, true, 1, true],
      [true, 'at once', 1, ['You wrote: Good morning.', 'I run it.', 'The result is: from the run']],
      true,
      [],
      [],
      [],
      true,
      [],
    ],
    failure: [[null, 'environment_archived_error', 'environment_not_found_error'], 'active', 2],
    with_agent: [true, [], 'active'],
    errors: [
      goneRefusal,
      goneRefusal,
      goneRefusal,
      bad,
      bad,
      goneRefusal,
      bad,
      bad,
      goneRefusal,
      bad,
      goneRefusal,
      bad,
    ],
    cron,
  });
});
