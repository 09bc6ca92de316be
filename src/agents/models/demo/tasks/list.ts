import type { BuiltInTask } from '../unit.ts';
import { chartTask } from './chart.ts';
import { failingTestTask } from './failing-test.ts';
import { gameTask } from './game.ts';

const hello: BuiltInTask = {
  asks: ['Say hello', 'Sag Hallo'],
  units: [{ kind: 'sh', command: 'echo "Hello from a sandbox: $(uname -sm), $(pwd)"' }],
  ends: 'Add a model for tasks of your own.',
};

export const builtInTasks: readonly BuiltInTask[] = [gameTask, chartTask, failingTestTask, hello];

export function findBuiltInTask(message: string): BuiltInTask | undefined {
  const target = plainly(message);
  return builtInTasks.find(({ asks }) => asks.some((ask) => plainly(ask) === target));
}

const plainly = (text: string): string => text.trim().toLowerCase().replace(/\s+/g, ' ').replace(/[.]$/, '');
