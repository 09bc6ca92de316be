// @module-tag nightly
import { expect } from 'vitest';
import { core, runner } from './expected.ts';
import { stepsOf, testEverywhere } from './programs.ts';

// The published SDKs are the oracle: unpatched, led here by base URL and key alone.

testEverywhere('a program in Python finds what it expects', {}, async (it) => {
  expect(await stepsOf(it, 'core.py')).toEqual(core);
});

testEverywhere('a program in TypeScript runs its tools by the SDK’s runner', { first: 'compatible' }, async (it) => {
  expect(await stepsOf(it, 'runner.mjs')).toEqual(runner);
});
