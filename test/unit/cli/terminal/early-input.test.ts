import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { collectEarlyInput, toPressedKeys } from '../../../../src/cli/terminal/early-input.ts';

const enter = ['', { return: true }];

test('what is typed before the screen is there are keys, also if they arrive in one read', () => {
  const stdin = new PassThrough();
  const take = collectEarlyInput(stdin as unknown as NodeJS.ReadStream);
  stdin.write('Hello');
  stdin.write(' there\n/help\r');
  expect(take()).toEqual([['Hello there', {}], enter, ['/help', {}], enter]);
  expect([take(), stdin.listenerCount('data')]).toEqual([[], 0]);
});

test('backspace and Ctrl+D are keys, and the sequences of other keys are left out', () => {
  expect(toPressedKeys('ab\u007f\u001b[A\u001bOP\u001b[1;5Cc\u0004')).toEqual([
    ['ab', {}],
    ['', { backspace: true }],
    ['c', {}],
    ['d', { ctrl: true }],
  ]);
});
