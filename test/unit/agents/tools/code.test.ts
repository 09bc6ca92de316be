import { expect, test } from 'vitest';
import type { Cell, CellOutcome } from '../../../../src/agents/kernels/kernel.ts';
import { createCodeTool } from '../../../../src/agents/tools/code.ts';
import { toModelText } from '../../../../src/agents/tools/output.ts';
import { pngSignature } from '../../../../src/core/text/pictures.ts';
import { toolBench } from '../../../support/agents/tools.ts';

const whole: CellOutcome = {
  ...{ ended: 'whole', count: 2, error: undefined, exitCode: undefined, isFirst: false, isStateLost: false },
};

/** The tool over kernels that play a script. */
function bench(play: (cell: Cell) => Partial<CellOutcome>) {
  const tools = toolBench();
  const requests: string[] = [];
  const kernels = {
    of: () => ({
      create: (context: { id: string; language: 'python' | 'javascript' }) => {
        requests.push(`create ${context.id} ${context.language}`);
        return context;
      },
      restart: async (id: string) => void requests.push(`restart ${id}`),
      execute: async (id: string, cell: Cell) => {
        requests.push(`execute ${id}`);
        return { ...whole, ...play(cell) };
      },
    }),
  };
  const run = (args: object, more = {}) =>
    tools.run(createCodeTool(kernels), { language: 'python', code: 'x', ...args }, more);
  return { ...tools, requests, run };
}
const main = (data: Record<string, string>) => ({ isMain: true, data });

test('what the code prints arrives live, and the result has output, errors and the last value', async () => {
  const { run, reports } = bench(({ listener }) => {
    listener.onText('stdout', 'one\n');
    listener.onText('stderr', 'careful\n');
    listener.onResult(main({ 'text/plain': '42' }));
    return {};
  });
  const result = await run({});
  expect(reports).toEqual(['one\n', 'careful\n']);
  expect(result).toMatchObject({ ok: true, output: 'one\n[stderr]\ncareful\n42' });
  expect(result.content).toEqual({ console: [{ ps1: '[2]: ', command: 'x', output: result.output }] });
});

test('a new kernel, and a lost one, are reported', async () => {
  const first = await bench(() => ({ isFirst: true, count: 1 })).run({});
  expect(first.output).toBe('[A new Python kernel: it has no variables of earlier calls.]');
  const timedOut = bench(() => ({ ended: 'timed_out', isStateLost: true, count: undefined }));
  const late = await timedOut.run({}, { timeoutMs: 5_000 });
  expect(late).toMatchObject({ ok: false, reason: 'timed_out' });
  expect(late.output).toBe(
    '[The code was interrupted after 5 s. Its variables are lost, and the next call begins with a new kernel.]',
  );
  const dead = await bench(() => ({ ended: 'died', exitCode: 137, isStateLost: true })).run({});
  expect(dead).toMatchObject({ ok: false, reason: 'oom', output: expect.stringContaining('for lack of memory') });
});

test('an error is a failure with its traceback', async () => {
  const error = { name: 'E', value: 'v', traceback: 'Traceback: E: v' };
  const expected = { ok: false, reason: 'failed', output: 'Traceback: E: v' };
  expect(await bench(() => ({ error })).run({})).toMatchObject(expected);
});

test('a table is shown as Markdown, and a picture is a file that the model sees', async () => {
  const { run, sandbox } = bench(({ listener }) => {
    listener.onResult(main({ 'text/plain': 'a  b', 'text/markdown': '| a |' }));
    const input = { isMain: false, data: { 'text/plain': '<Figure>', 'image/png': pngSignature.toString('base64') } };
    listener.onResult(input);
    return {};
  });
  const kept = { file: 'f', url: '/f', mimeType: 'image/png' };
  const result = await run({}, { operationId: 'run.call', keepPicture: async () => kept });
  expect(result.output).toBe('| a |\n<Figure>\n[image/png, 8 bytes: .corral/output/run.call-2.png]');
  expect(result.pictures).toEqual([kept]);
  expect(await sandbox.readFile('.corral/output/run.call-2.png', new AbortController().signal)).toEqual(pngSignature);
});

/** The result of code that prints this text `count` times, and the file that holds all of it. */
async function printed(text: string, count: number) {
  const { run, sandbox } = bench(({ listener }) => {
    for (let n = 0; n < count; n++) listener.onText('stdout', text);
    return {};
  });
  const result = await run({}, { operationId: 'op' });
  return { result, file: await sandbox.readFile('.corral/output/op.txt', new AbortController().signal) };
}

test('long output is a file of the sandbox, and the model reads where', async () => {
  const { result, file } = await printed(`${'x'.repeat(99)}\n`, 1_000);
  expect(toModelText(result)).toContain('All of it is in .corral/output/op.txt: read it with file_read.');
  expect(file).toHaveLength(99_999);
});

test('a flood is kept up to 8 MiB', async () => {
  const { file } = await printed('x'.repeat(1024 * 1024), 20);
  expect(file.length).toBeLessThan(8 * 1024 * 1024 + 100);
  expect(file.subarray(-60).toString()).toContain('more than 8 MiB');
});

test('a named context is a kernel of its own, and restart begins again', async () => {
  const { run, requests } = bench(() => ({}));
  await run({});
  await run({ context: 'b', restart: true, language: 'javascript' });
  expect(requests).toEqual([
    ...['create python python', 'execute python'],
    ...['create javascript-b javascript', 'restart javascript-b', 'execute javascript-b'],
  ]);
});
