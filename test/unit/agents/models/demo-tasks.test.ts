import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseDemoSteps } from '../../../../src/agents/models/demo/blocks.ts';
import { builtInTasks, findAskedTask } from '../../../../src/agents/models/demo/tasks/list.ts';
import { temporaryFolder } from '../../../support/stores/store.ts';

/** Does the steps of a task in a folder of its own, as the sandbox would. */
async function done(ask: string): Promise<{ folder: string; reply: string; statuses: (number | null)[] }> {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const statuses: (number | null)[] = [];
  let reply = '';
  for (const unit of parseDemoSteps(ask)) {
    if (unit.kind === 'file') writeFileSync(join(folder.path, unit.path), unit.content);
    if (unit.kind !== 'sh') continue;
    const shell = spawn('bash', ['-c', unit.command], { cwd: folder.path, detached: true });
    const { pid } = shell;
    // A server that the task leaves behind belongs to the shell's group.
    onTestFinished(() => {
      try {
        if (pid !== undefined) process.kill(-pid, 'SIGKILL');
      } catch {
        // nothing was left
      }
    });
    shell.stdout.on('data', (text) => {
      reply += text;
    });
    const [status] = await once(shell, 'exit');
    statuses.push(status);
  }
  return { folder: folder.path, reply, statuses };
}

describe('a task that the demo knows', () => {
  test.each([
    ['snake', 'snake.html', /self-contained/, /<canvas/],
    ['sales', 'chart.html', /Best month: December with 2610/, /<svg.*|<rect/],
    ['program', 'report.html', /ok {6}total[.]sh 250 2 10 is 450/, /FAILED {2}total[.]sh 250 2 10 is 490/],
  ])('%s runs and ends in %s', async (word, file, words, content) => {
    const task = builtInTasks.find(({ asks }) => asks.en.includes(word));
    const { folder, reply, statuses } = await done(task?.asks.en ?? '');
    expect(statuses.every((status) => status === 0)).toBe(true);
    expect(reply).toMatch(words);
    expect(readFileSync(join(folder, file), 'utf8')).toMatch(content);
    expect(task?.ends.en).toContain(file);
  });

  test('is recognized in each language, whatever the spaces and the case', () => {
    for (const task of builtInTasks) {
      for (const ask of Object.values(task.asks))
        expect(findAskedTask(`  ${ask.toUpperCase().replaceAll(' ', '  ')}\n`)?.task).toBe(task);
    }
    expect(findAskedTask('Build a snake game')).toBeUndefined();
  });
});
