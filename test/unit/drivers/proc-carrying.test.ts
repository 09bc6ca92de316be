import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findByVariable } from '../../../drivers/process/proc.ts';

test('looking through all processes of the machine holds few files open, so that the store can write next to it', {
  tags: ['all'],
}, async () => {
  const value = crypto.randomUUID();
  const children = Array.from({ length: 60 }, () => spawn('sleep', ['60'], { env: { CORRAL_TEST: value } }));
  try {
    await Promise.all(children.map((child) => once(child, 'spawn')));
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    let most = 0;
    let isOver = false;
    const look = () => {
      most = Math.max(most, open());
      if (!isOver) setImmediate(look);
    };
    look();
    const found = await findByVariable('CORRAL_TEST', value);
    isOver = true;
    expect(found.map(({ pid }) => pid).sort()).toEqual(children.map(({ pid }) => pid).sort());
    expect(most - before).toBeLessThan(10);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
});
