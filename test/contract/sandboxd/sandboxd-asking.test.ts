// @module-tag all
import { expect, onTestFinished, test } from 'vitest';
import { realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { needs } from '../../support/servers/components.ts';
import { budget } from './sandboxd.ts';

// Programs that wait for input, each in its own way: read(2) of the terminal or of /dev/tty, poll, select, epoll, and
// in other languages.
test.for([
  ["read -p 'Ok? ' x; echo got:$x", 'Ok? ', 'bash'],
  ["read -e -p 'Edit? ' x; echo got:$x", 'Edit? ', 'bash'],
  ['sh -c \'printf "Weiter? "; read x </dev/tty; echo got:$x\'', 'Weiter? ', 'sh'],
  ["(sleep 900 & printf '続けますか'; read x; echo got:$x; kill %1)", '続けますか', 'bash'],
  ['python3 -c \'print("got:" + input("Name: "))\'', 'Name: ', 'python3'],
  [
    'python3 -c \'import select,sys; print("?", end="", flush=True); select.select([sys.stdin],[],[]); print("got:" + input())\'',
    '?',
    'python3',
  ],
  [
    `node -e 'const r=require("readline").createInterface({input:process.stdin,output:process.stdout});r.question("Package: ",x=>{console.log("got:"+x);r.close()})'`,
    'Package: ',
    'node',
  ],
  ["cat | sed -u 's/^/got:/;q'", '', 'sed'],
])('%s waits for input, and continues when it is answered', async ([command = '', prompt = '', program], context) => {
  if (program === 'python3') await needs(context, 'python');
  await using daemon = await realSandboxd();
  const { client } = daemon;
  await client.start({ id: 'ask', shell: 'main', command }, budget());
  await expect.poll(async () => (await client.operation('ask', budget()))?.asks).toBe(true);
  const output: Buffer[] = [];
  const ended = client.follow('ask', 0, (chunk) => output.push(Buffer.from(chunk)), budget());
  await client.write('main', 'yes\n', budget());
  if (program === 'sed') {
    await expect.poll(() => Buffer.concat(output).toString()).toContain('got:yes');
    await client.kill('main', budget()); // `cat` would read on
  }
  await ended;
  const reply = Buffer.concat(output).toString();
  expect(reply).toContain('got:yes');
  expect(reply).toContain(prompt);
});

test.each(['sleep 900', 'while :; do :; done', 'sleep 900 | cat', "printf 'Ok? '; sleep 900", 'tail -f /dev/null'])(
  '%s does not wait for input',
  async (command) => {
    const daemon = await realSandboxd();
    onTestFinished(() => daemon[Symbol.asyncDispose]());
    const { client } = daemon;
    // The waiting program is found in the time in which the other one is not.
    await client.start({ id: 'busy', shell: 'busy', command }, budget());
    await client.start({ id: 'ask', shell: 'main', command: 'read x' }, budget());
    await expect.poll(async () => (await client.operation('ask', budget()))?.asks).toBe(true);
    expect((await client.operation('busy', budget()))?.asks).toBeUndefined();
  },
);

test('a command is not ended at its time limit while it asks', async () => {
  await using daemon = await realSandboxd();
  const { client } = daemon;
  await client.start({ id: 'ask', shell: 'main', command: 'read x; echo got:$x', timeoutMs: 1_500 }, budget());
  await expect.poll(async () => (await client.operation('ask', budget()))?.asks).toBe(true);
  await client.start({ id: 'other', shell: 'other', command: 'sleep 900', timeoutMs: 1_500 }, budget());
  expect(await client.follow('other', 0, () => {}, budget())).toMatchObject({ reason: 'timed_out' });
  expect(await client.operation('ask', budget())).toMatchObject({ state: 'running', asks: true });
});
