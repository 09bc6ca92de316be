import type { BuiltInTask } from '../unit.ts';
import { chart } from './chart.ts';
import { failingTest } from './failing-test.ts';
import { game } from './game.ts';

const hello: BuiltInTask = {
  asks: ['Say hello', 'Sag Hallo'],
  units: [{ kind: 'sh', command: 'echo "Hello from a sandbox: $(uname -sm), $(pwd)"' }],
  ends: 'Add a model for tasks of your own.',
};

export const builtInTasks: readonly BuiltInTask[] = [game, chart, failingTest, hello];

export function findBuiltInTask(message: string): BuiltInTask | undefined {
  const target = plainly(message);
  return builtInTasks.find(({ asks }) => asks.some((ask) => plainly(ask) === target));
}

const plainly = (text: string): string => text.trim().toLowerCase().replace(/\s+/g, ' ').replace(/[.]$/, '');
