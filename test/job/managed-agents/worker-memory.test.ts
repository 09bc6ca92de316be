// @module-tag nightly
import { expect } from 'vitest';
import { stepsOf, testEverywhere } from './programs.ts';

// The SDK's worker keeps memory stores at their paths below /mnt/memory of its own machine, so it runs as root here.

testEverywhere('the worker of the SDK keeps the memory stores of its session', {}, async (it) => {
  expect(process.getuid?.()).toBe(0);
  expect(await stepsOf(it, 'worker_memory.py')).toEqual({
    memory: [
      ['shortbe kind', true],
      [{ '/new.md': 'new', '/style.md': 'long' }, { '/deep/rule.md': 'be kind' }],
      [
        ['created', '/new.md', 'session_actor'],
        ['modified', '/style.md', 'session_actor'],
      ],
      [false, false],
    ],
  });
});

testEverywhere('the worker of the SDK serves the queue', {}, async (it) => {
  expect(await stepsOf(it, 'worker.py')).toEqual({
    worker: ['end_turn', 'of the SDK', 'stopped'],
    queue: [['starting', 'active', true], ['stopping', 'stopped'], [412, 'heartbeat_precondition_failed'], 409],
  });
});
