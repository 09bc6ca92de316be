import { afterAll, beforeAll, expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { test } from '../../support/fixtures.ts';
import { eachNeeds } from '../../support/servers/components.ts';
import { bundledCli, type PackedCli } from '../../support/servers/packed-cli.ts';

// The packaged command in an empty folder, with the host's own Node, on a real terminal.
let cli: PackedCli;

eachNeeds('bubblewrap');
beforeAll(async () => {
  cli = await bundledCli();
});
afterAll(() => cli?.[Symbol.asyncDispose]());

test('asks on a terminal that cannot be drawn on, then continues', { tags: ['all'] }, async ({ crew }) => {
  const steps = [{ expect: 'Which colour\\?[\\s\\S]*> ', send: 'blue\r' }];
  const plain = { env: { ...crew.env, TERM: 'dumb' } };
  const { code, stdout } = await cli.onTerminal(['run', `Choose\n${fence('ask', 'Which colour?')}`], steps, plain);
  expect([code, stdout]).toEqual([0, expect.stringContaining('blue')]);
  expect(stdout.match(/Which colour\?/g)).toHaveLength(1);
});

test('draws the run on a terminal, asks in place, and leaves at its end', async ({ crew }) => {
  const task = `${fence('file:notes.md', 'one')}\n${fence('ask', 'Which colour?')}`;
  const steps = [{ expect: 'notes.md[\\s\\S]*\\+one[\\s\\S]*enter: answer', send: 'blue\r' }];
  const { code, stdout } = await cli.onTerminal(['run', task], steps, crew);
  expect([code, stdout]).toEqual([0, expect.stringContaining('You answered: “blue”')]);
});

test('draws the conversation, runs commands of the person, and leaves with ctrl-d', async ({ crew }) => {
  const steps = [
    // The first line is typed before the screen is drawn: early input is not lost.
    { expect: 'ctrl-d: exit', send: '! echo from $((40 + 2)); exit 3\r' },
    { expect: 'from 42', send: '/model\r' },
    { expect: 'demo \\(template: default\\)[\\s\\S]*Available: demo', send: '/model nosuch\r' },
    { expect: 'No session with nosuch: [\\s\\S]*Available: demo', send: '\u0004' },
    { expect: 'Continue with: corral chat --session' },
  ];
  const { code, stdout } = await cli.onTerminal(['chat'], steps, crew);
  expect([code, stdout]).toEqual([0, expect.stringContaining('exit 3')]);
});

test('a chat in which nothing was sent leaves no session behind', async ({ crew }) => {
  const steps = [
    { expect: 'session [0-9a-f]{16}[\\s\\S]*ctrl-d: exit', send: '\u0004' },
    { expect: 'Nothing was sent, so the session was deleted' },
  ];
  const { code, stdout } = await cli.onTerminal(['chat'], steps, crew);
  const [, id = ''] = /session ([0-9a-f]{16})/.exec(stdout) ?? [];
  expect([code, (await cli.run(['ls', '-q'], crew)).stdout.includes(id)]).toEqual([0, false]);
});

test('--list shows the sessions, and q leaves without one', async ({ crew }) => {
  const { id } = crew.box;
  const steps = [{ expect: `${id}[\\s\\S]*enter opens`, send: 'q' }];
  expect((await cli.onTerminal(['chat', '--list'], steps, crew)).code).toBe(0);
  expect((await cli.run(['chat'], crew)).code).toBe(2);
});

test('is a real terminal: echoes, resizes, runs on after ctrl-p ctrl-q', { tags: ['nightly'] }, async ({ crew }) => {
  const { id } = crew.box;
  const first = await cli.onTerminal(
    ['attach', id],
    [
      { expect: '[$#] ', send: 'tty; export KEPT=kept\r' },
      { expect: '/dev/pts/\\d+', resize: [101, 33] },
      { send: 'sleep 1; stty size\r' },
      { expect: '33 101', send: '\u0010\u0011' },
      { expect: 'detached; reattach' },
    ],
    crew,
  );
  expect([first.code, first.stdout]).toEqual([0, expect.stringContaining('detached; reattach')]);
  const again = await cli.onTerminal(
    ['attach', id],
    [
      { expect: 'reattached to', send: 'echo "still $KEPT"\r' },
      { expect: 'still kept', send: 'exit\r' },
    ],
    crew,
  );
  expect(again.code).toBe(0);
});

test('a local server is found without an address or a token', async ({ crew, server }) => {
  const { code, stdout } = await cli.run(['ls', '--json'], { env: { CORRAL_DATA_DIR: server.data } });
  expect([code, stdout]).toEqual([0, expect.stringContaining(crew.box.id)]);
});
