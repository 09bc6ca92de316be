// @module-tag nightly
// Folders of skills as people bring them: checked and uploaded by the command, their scripts run by an agent in its sandbox.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import type { FakeReply, FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { needs } from '../../support/servers/components.ts';
import { packedCli } from '../../support/servers/packed-cli.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const skillMd = (name: string, more = '') =>
  `---\nname: ${name}\ndescription: For ${name}.\n${more}---\nRun the script of ${name}.\n`;

/** The command that the instructions of each skill want, and what it prints. */
const skills = {
  // a shell script that is run by its own name, and reads a resource next to it
  'count-lines': {
    files: {
      'SKILL.md': skillMd('count-lines', 'license: MIT\nallowed-tools: shell_exec\n'),
      'scripts/count.sh': '#!/bin/sh\necho "lines: $(wc -l < "$(dirname "$0")/../resources/list.txt")"\n',
      'resources/list.txt': 'one\ntwo\nthree\n',
    },
    command: '.corral/skills/count-lines/scripts/count.sh',
    prints: 'lines: 3',
  },
  // a program with a module of its own
  'greet-people': {
    files: {
      'SKILL.md': skillMd('greet-people', 'metadata:\n  author: somebody\n'),
      'scripts/greet.mjs': "import { words } from './lib/words.mjs';\nconsole.log(words(process.argv[2]));\n",
      'scripts/lib/words.mjs': 'export const words = (name) => `good day, ${name}`;\n',
    },
    command: 'node .corral/skills/greet-people/scripts/greet.mjs Ada',
    prints: 'good day, Ada',
  },
  // a script that works on the files of the workspace, and one that cannot change its own folder
  'sign-files': {
    files: {
      'SKILL.md': skillMd('sign-files', 'compatibility: needs sh\n'),
      'sign.sh':
        'echo "signed by $1" > signature.txt\ncat signature.txt\necho x > "$(dirname "$0")/own" || echo "not mine"\n',
    },
    command: 'sh .corral/skills/sign-files/sign.sh Bob',
    prints: 'signed by Bob',
  },
} as const;

const broken: readonly [folder: string, files: Record<string, string>, says: string][] = [
  ['no-beginning', { 'SKILL.md': '# Hello\n' }, 'must begin with a line ---'],
  ['no-file', { 'README.md': 'Hello' }, 'SKILL.md'],
  ['other-name', { 'SKILL.md': skillMd('another-name') }, 'name is another-name, and its folder is other-name'],
  ['Capitals', { 'SKILL.md': skillMd('Capitals') }, 'name must have 1 to 64 of a-z, 0-9 and single hyphens'],
  ['no-words', { 'SKILL.md': '---\nname: no-words\n---\nHi\n' }, 'description is missing'],
];

function write(root: string, folder: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (path.endsWith('.sh')) chmodSync(file, 0o755);
  }
  return join(root, folder);
}

const call = (name: string, args: object): FakeReply => ({ calls: [{ name, args: { ...args } as never }] });
function replies({ body }: FakeRequest): FakeReply {
  const results = body.messages.filter(({ role }: { role: string }) => role === 'tool').length;
  const acts = Object.entries(skills).flatMap(([name, { command }]) => [
    call('skill_read', { name }),
    call('shell_exec', { id: 'main', command }),
  ]);
  return acts[results] ?? { text: 'All skills were used.' };
}

test('three folders of skills are checked, uploaded and run in the sandbox, and broken ones are refused with what is wrong', async (context) => {
  await needs(context, 'bubblewrap');
  await using provider = await fakeProvider('compatible', replies);
  using folder = temporaryFolder();
  await using cli = await packedCli();
  await using server = await serverProcess({
    CORRAL_DRIVER: 'process',
    CORRAL_TEMPLATE: 'minimal',
    CORRAL_MODELS_COMPATIBLE: JSON.stringify({ local: { 'base-url': provider.url, 'api-key': fakeKey } }),
    CORRAL_MODEL: 'local/server',
  });
  const corral = (...args: string[]) => cli.run(['skill', ...args], { env: { CORRAL_URL: server.url } });

  for (const [name, files, says] of broken) {
    const path = write(folder.path, name, files);
    const checked = await corral('check', path);
    expect([name, checked.code, checked.stdout]).toEqual([name, 1, expect.stringContaining(`problem: `)]);
    expect(checked.stdout).toContain(says);
    const uploaded = await corral('upload', path);
    expect([name, uploaded.code, uploaded.stderr]).toEqual([name, 1, expect.stringContaining(says)]);
  }
  expect((await corral('ls', '--json')).stdout).toBe('');

  const names = Object.keys(skills);
  for (const [name, { files }] of Object.entries(skills)) {
    const path = write(folder.path, name, files);
    const checked = await corral('check', path);
    expect([checked.code, checked.stdout]).toEqual([0, `${name} can be uploaded.\n`]);
    expect((await corral('upload', path)).stdout).toContain(`${name}@1`);
  }

  using client = openClient(server.url, 'ws');
  const { id } = await client.sessions.create.mutate({ skills: names, task: 'Use all skills' });
  const status = async () => (await client.sessions.get.query({ id })).status;
  await expect.poll(status).toBe('completed');
  const { events } = await client.events.list.query({ sessionId: id, limit: 1_000 });
  expect(events.flatMap((it) => (it.type === 'skill.read' ? [it.data.name] : []))).toEqual(names);
  const shell = events.flatMap((it) => (it.type === 'tool.called' && it.data.tool === 'shell' ? [it.data] : []));
  expect(shell.map(({ success }) => success)).toEqual(names.map(() => true));
  for (const [n, { prints }] of Object.values(skills).entries()) expect(shell[n]?.output).toContain(prints);
  expect(shell.at(-1)?.output).toContain('not mine');
  const { stdout } = await client.sandbox.exec.mutate({ sessionId: id, command: 'cat signature.txt' });
  expect(stdout).toBe('signed by Bob\n');
});
