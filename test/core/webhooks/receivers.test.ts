// @module-tag all
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pythonWith } from '../../support/clients/python.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const root = join(import.meta.dirname, '../../..');
const page = await readFile(join(root, 'docs/webhooks.md'), 'utf8');
/** The indented block below the line that begins with this word. */
function example(language: 'JavaScript' | 'Python'): string {
  const [, rest = ''] = page.split(`\n${language} (`);
  const lines = rest.split('\n').slice(2);
  const end = lines.findIndex((line) => line !== '' && !line.startsWith('    '));
  return lines
    .slice(0, end)
    .map((line) => line.slice(4))
    .join('\n');
}

interface Receiver {
  readonly program: string;
  readonly args: readonly string[];
  readonly port: number;
}
const receivers: Record<'JavaScript' | 'Python', (folder: string) => Promise<Receiver>> = {
  async JavaScript() {
    const port = await freePort();
    const code = example('JavaScript').replace('listen(3000)', `listen(${port}, '127.0.0.1')`);
    return { program: process.execPath, args: ['--input-type=module', '-e', code], port };
  },
  async Python(folder) {
    const [port, app] = [await freePort(), join(folder, 'app.py')];
    await writeFile(app, example('Python'));
    const program = await pythonWith(['standardwebhooks==1.0.1', 'flask==3.1.2']);
    return { program, args: ['-m', 'flask', '--app', app, 'run', '--port', `${port}`], port };
  },
};

const name = (language: string) =>
  `the receiver in ${language} of the documentation verifies a message, and refuses one of another secret`;

test(name('JavaScript'), () => verifies('JavaScript'));

test(name('Python'), { tags: ['nightly'] }, async (context) => {
  await needs(context, 'registries');
  await verifies('Python');
});

async function verifies(language: keyof typeof receivers): Promise<void> {
  await using server = await composedServer({ CORRAL_WEBHOOKS_ALLOW_RANGES: '127.0.0.0/8' });
  using folder = temporaryFolder();
  const { program, args, port } = await receivers[language](folder.path);
  const { webhooks } = server.core.services;
  const url = `http://127.0.0.1:${port}/hooks/corral`;
  const made = await webhooks.create({ name: language, url, events: ['run.ended'], format: 'json', projectId: null });
  const env = { ...process.env, WEBHOOK_SECRET: made.secret };
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  using _end = { [Symbol.dispose]: () => child.kill('SIGKILL') };
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const answers = () =>
    fetch(url, { method: 'POST' }).then(
      ({ status }) => status,
      () => 0,
    );
  await expect.poll(answers, { message: output }).toBe(400); // it is up, and refuses unsigned requests
  const outcome = async () => {
    const { id } = await webhooks.test(made.id);
    const found = async () => (await webhooks.deliveries(made.id)).find((one) => one.id === id);
    await expect.poll(async () => (await found())?.state).not.toBe('pending');
    return await found();
  };
  expect(await outcome()).toMatchObject({ state: 'delivered', statusCode: 204 });
  await webhooks.rotate(made.id);
  expect(await outcome()).toMatchObject({ state: 'failed', statusCode: 400 });
}
