import { expect, test } from 'vitest';
import { type CustomToolDefinition, parseCustomTool } from '../../../../../src/agents/tools/custom/check.ts';
import { createCustomTool } from '../../../../../src/agents/tools/custom/custom-tools.ts';
import { type CustomTool, defineTool, z } from '../../../../../src/agents/tools/custom/definition.ts';
import type { ToolContext } from '../../../../../src/agents/tools/tool.ts';
import { AppError } from '../../../../../src/core/errors/errors.ts';
import { manualClock } from '../../../../support/machines/manual-clock.ts';

const parameters = z.object({ path: z.string() });
const made = (run: CustomTool<typeof parameters>['run'], more: Partial<CustomTool> = {}) =>
  parseCustomTool(defineTool({ description: 'Counts.', parameters, run, ...more } as CustomTool), 'count');

function bench(run: CustomTool<typeof parameters>['run']) {
  const clock = manualClock(1_000);
  const stop = new AbortController();
  const messages: string[] = [];
  const requests: unknown[] = [];
  const sandbox = {
    workdir: '/workspace',
    exec: async (...params: unknown[]) => {
      requests.push(params[0]);
      return { exitCode: 3, stdout: 'out', stderr: '', timedOut: false, wholeIn: {} };
    },
    readFile: async () => Buffer.from('hi'),
  };
  const onOutput = (text: string) => void messages.push(text);
  const ctx = {
    sandbox,
    clock,
    signal: stop.signal,
    timeoutMs: 5_000,
    runId: 'run',
    onOutput,
  } as unknown as ToolContext;
  const call = (args: unknown = { path: 'a' }) => createCustomTool(made(run) as CustomToolDefinition).run(ctx, args);
  return { call, clock, stop, messages, requests };
}

test('a tool works on the sandbox and writes into the log of its session', async () => {
  const { call, messages, requests } = bench(async ({ sandbox, log }, { path }) => {
    log(`reading ${path}`);
    const { exitCode } = await sandbox.exec('wc', { timeoutSeconds: 1 });
    return `${new TextDecoder().decode(await sandbox.readFile(path))} ${exitCode} in ${sandbox.workdir}`;
  });
  expect([await call(), messages]).toEqual([{ ok: true, output: 'hi 3 in /workspace' }, ['reading a\n']]);
  expect(requests).toEqual([{ command: 'wc', timeoutMs: 1_000, tag: 'run' }]); // a stop of the run finds it by its tag
});

test('a tool gets its sandbox, log and signal, and nothing else', async () => {
  const { call } = bench(async (context) =>
    [...Object.keys(context), ...Object.keys(context.sandbox)].sort().join(' '),
  );
  expect((await call()).output).toBe('exec log readFile sandbox signal workdir writeFile');
});

test('wrong arguments never reach the tool', async () => {
  const { call } = bench(() => Promise.reject(new Error('it ran')));
  expect(await call({ path: 7 })).toMatchObject({ ok: false, reason: 'bad_arguments' });
});

test('a thrown error and a wrong result are failures that the model can read', async () => {
  const failed = (output: unknown) => ({ ok: false, output });
  const thrown = await bench(() => Promise.reject(new Error('no such table'))).call();
  expect(thrown).toEqual({ ...failed('count failed: no such table'), reason: 'failed' });
  const wrong = await bench(async () => 7 as never).call();
  expect(wrong).toMatchObject(failed(expect.stringContaining('neither')));
  expect(await bench(async () => failed('empty') as never).call()).toMatchObject(failed('empty'));
});

test('a lost sandbox ends the turn and is no result', async () => {
  const lost = new AppError('sandbox_lost', 'gone');
  await expect(bench(() => Promise.reject(lost)).call()).rejects.toBe(lost);
});

test('a tool that does not look at its signal still ends in time', async () => {
  const { call, clock } = bench(() => new Promise(() => {}));
  const result = call();
  clock.advance(5_000);
  expect(await result).toMatchObject({ ok: false, reason: 'timed_out', output: 'count took longer than 5 s.' });
});

test('a stop of the run ends the call', async () => {
  const { call, stop } = bench(() => new Promise(() => {}));
  const result = call();
  stop.abort(new AppError('cancelled', 'stopped'));
  await expect(result).rejects.toMatchObject({ code: 'cancelled' });
});

const whole = { description: 'x', parameters, run: async () => '' };
test.each([
  [undefined, /default export/],
  [{ ...whole, description: '' }, /^description: /],
  [{ ...whole, parameters: {} }, /parameters: must be a schema of zod/],
  [{ ...whole, parameters: z.object({ at: z.date() }) }, /parameters: cannot be described to a model: /],
  [{ ...whole, run: 1 }, /^run: must be a function$/],
  [{ ...whole, name: 'mcp_x' }, /must not begin with mcp_/],
  [{ ...whole, name: 'Count' }, /^name: must be a word/],
  [{ ...whole, group: 'all' }, /^group: /],
  [{ ...whole, execute: 1 }, /^execute is not a field of a tool/],
])('a wrong definition is refused with the name of its field (%#)', (input, problem) => {
  const checked = parseCustomTool(input, 'count');
  expect('problems' in checked ? checked.problems.join('\n') : '').toMatch(problem);
});
