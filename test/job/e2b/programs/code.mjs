// A program written on E2B's code interpreter.
import { Sandbox } from '@e2b/code-interpreter';
import { failing, print, step } from './steps.mjs';

const sandbox = await Sandbox.create({ timeoutMs: 120_000 });
const run = (code, options) => sandbox.runCode(code, options);

await step('value', async () => {
  const { text, logs, executionCount } = await run('x = 41\nprint("hi")\nx + 1');
  return { text, stdout: logs.stdout, count: executionCount };
});
await step('state', async () => (await run('x')).text);
await step('error', async () => {
  const { error } = await run('1/0');
  return [error.name, error.value];
});
await step('variables of one execution', async () => [
  (await run('import os; os.environ["Q"]', { envs: { Q: 'v' } })).text,
  (await run('os.environ.get("Q")')).text ?? null,
]);
await step('JavaScript', async () => [
  (await run('let y = 2; y * 3', { language: 'js' })).text,
  (await run('y + 1', { language: 'javascript' })).text,
]);
await step('contexts', async () => {
  const context = await sandbox.createCodeContext({ cwd: '/tmp' });
  const read = (await run('import os; z = 5; os.getcwd()', { context })).text;
  const apart = (await run('z')).error?.name;
  const listed = (await sandbox.listCodeContexts()).length;
  await sandbox.restartCodeContext(context);
  const restarted = (await run('z', { context })).error?.name;
  await sandbox.removeCodeContext(context);
  return { cwd: context.cwd, read, apart, listed, restarted, left: (await sandbox.listCodeContexts()).length };
});
await step('streamed', async () => {
  const out = [];
  const code = 'import time\nfor n in range(3):\n  print(n, flush=True); time.sleep(0.1)';
  await run(code, { onStdout: ({ line }) => out.push(line) });
  return out;
});
await step('a client that gives up', () => failing(() => run('import time\ntime.sleep(60)', { timeoutMs: 1_500 })));
await step('state after it', async () => (await run('x')).text);
await step('json', async () => (await run('{"a": 1}')).results[0].json);
await step('chart', async () => {
  const plot =
    'import matplotlib.pyplot as plt\nplt.plot([1, 2, 3], [2, 4, 6], label="a")\nplt.xlabel("x (s)")\nplt.title("T")\nplt.show()';
  const { results } = await run(plot);
  const [{ png, chart }] = results;
  const { type, title, x_unit, elements } = chart;
  return { count: results.length, isPng: png.startsWith('iVBOR'), type, title, x_unit, elements };
});
await step('table', async () => {
  const frame = 'import pandas as pd\npd.DataFrame({"a": [1, 2], "b": ["x", None]})';
  const [{ data, html }] = (await run(frame)).results;
  return { data, isHtml: html.includes('<table') };
});
await step('a kernel that dies', async () => (await run('import os; os._exit(3)')).error.name);
await step('after it', async () => (await run('1 + 1')).text);
await step('a language without a kernel', () => failing(() => run('1', { language: 'r' })));
await sandbox.kill();
print();
