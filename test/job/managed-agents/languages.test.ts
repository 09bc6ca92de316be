// @module-tag nightly
import { expect } from 'vitest';
import { coreInTypeScript, runner, webhooks, workers } from './expected.ts';
import { stepsOf, testEverywhere } from './programs.ts';

// The programs of sdk.test.ts and webhooks.test.ts in the other language, and the SDKs' own workers.

testEverywhere('a program in Python runs its tools by the SDK’s runner', {}, async (it) => {
  expect(await stepsOf(it, 'runner.py')).toEqual(runner);
});

testEverywhere('a program in TypeScript finds what the one in Python finds', {}, async (it) => {
  expect(await stepsOf(it, 'core.mjs')).toEqual(coreInTypeScript);
});

testEverywhere('the worker of the SDK in Python serves the queue', {}, async (it) => {
  expect(await stepsOf(it, 'worker.py')).toEqual(workers.python);
});

testEverywhere('the worker of the SDK in TypeScript serves the queue', {}, async (it) => {
  expect(await stepsOf(it, 'worker.mjs')).toEqual(workers.typescript);
});

const settings = { CORRAL_WEBHOOKS_ALLOW_RANGES: '127.0.0.0/8' };
testEverywhere('a program in Python verifies what a webhook tells of its session', { settings }, async (it) => {
  expect(await stepsOf(it, 'webhooks.py', { CORRAL_URL: it.server.url })).toEqual(webhooks);
});
