// @module-tag nightly
import { expect } from 'vitest';
import { stepsOf, testEverywhere } from './programs.ts';

const bad = [400, 'invalid_request_error', null];
const gone = [404, 'not_found_error', null];
const cron = [
  ['schedule', true, null],
  [true, ['You said: Good morning.'], true],
  ['paused', true],
];

testEverywhere('a program deploys an agent, runs it, and finds its runs', {}, async (it) => {
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
      [true, 'at once', 1, ['You said: Good morning.', 'I run it.', 'The result is: from the run']],
      true,
      [],
      [],
      [],
      true,
      [],
    ],
    failure: [[null, 'environment_archived_error', 'environment_not_found_error'], 'active', 2],
    with_agent: [true, [], 'active'],
    errors: [gone, gone, gone, bad, bad, gone, bad, [bad, bad, bad, bad, bad], gone, bad, gone, bad],
    cron,
  });
});
