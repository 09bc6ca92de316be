import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordedModels } from '../../../eval/lib/recorded.ts';
import { tasksNamed } from '../../../eval/lib/task.ts';

const tasks = await tasksNamed(undefined);

test('there are twenty tasks', () => expect(tasks).toHaveLength(20));

test.each(tasks)("$name has every file of Harbor's layout", async ({ folder, instruction }) => {
  for (const name of ['task.toml', 'environment/Dockerfile', 'tests/test.sh', 'solution/solve.sh'])
    expect((await stat(join(folder, name))).isFile(), name).toBe(true);
  expect(instruction.length).toBeGreaterThan(100);
  expect(await readFile(join(folder, 'tests/test.sh'), 'utf8')).toContain('/logs/verifier');
});

describe('a model of recorded replies', () => {
  const [task] = tasks.filter(({ name }) => name === 'fix-failing-test');
  async function responseTo(messages: readonly object[], tools: readonly string[] = ['shell_exec']) {
    await using models = await recordedModels(task ? [task] : [], 1);
    const { recorded } = JSON.parse(models.settings.CORRAL_MODELS_COMPATIBLE ?? '{}');
    const named = tools.map((name) => ({ type: 'function', function: { name, parameters: {} } }));
    const response = await fetch(`${recorded['base-url']}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({
        model: 'fix-failing-test.1',
        stream: true,
        messages,
        ...(tools.length > 0 && { tools: named }),
      }),
    });
    return await response.text();
  }
  const user = { role: 'user', content: 'Go' };
  const turn = (id: string) => [
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ id, type: 'function', function: { name: 'file_read', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: id, content: 'x' },
  ];

  test('replies by the turns that the request has already', async () => {
    expect(await responseTo([user])).toContain('python3 -m unittest');
    expect(await responseTo([user, ...turn('a')])).toContain('file_str_replace');
    expect(await responseTo([user, ...turn('a'), ...turn('b'), ...turn('c')])).toContain('Fixed.');
  });

  test('plans when only a plan is requested, and speaks when there are no tools', async () => {
    expect(await responseTo([user], ['make_plan'])).toContain('make_plan');
    expect(await responseTo([user], [])).toContain('Fixed.');
  });
});

test('a task without recorded replies, or an unknown one, is refused with words', async () => {
  const [task] = tasks;
  await expect(recordedModels(task ? [{ ...task, folder: '/nowhere' }] : [], 1)).rejects.toThrow(
    'Name a model with --model',
  );
  await expect(tasksNamed(['fix-everything'])).rejects.toThrow('There is no task fix-everything');
});
