// @module-tag all
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { needs } from '../../support/servers/components.ts';
import { budget } from './sandboxd.ts';

let daemon: Awaited<ReturnType<typeof realSandboxd>>;
beforeAll(async () => {
  daemon = await realSandboxd();
});
afterAll(() => daemon[Symbol.asyncDispose]());

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
  const { client } = daemon;
  const id = `ask ${command}`.replaceAll(/\W+/g, '-').slice(0, 60);
  await client.start({ id, shell: id, command }, budget());
  await expect.poll(async () => (await client.operation(id, budget()))?.asks).toBe(true);
  const output: Buffer[] = [];
  const ended = client.follow(id, 0, (chunk) => output.push(Buffer.from(chunk)), budget());
  await client.write(id, 'yes\n', budget());
  if (program === 'sed') {
    await expect.poll(() => Buffer.concat(output).toString()).toContain('got:yes');
    await client.kill(id, budget()); // `cat` would read on
  }
  await ended;
  const reply = Buffer.concat(output).toString();
  expect(reply).toContain('got:yes');
  expect(reply).toContain(prompt);
});

const busy = ['sleep 900', 'while :; do :; done', 'sleep 900 | cat', "printf 'Ok? '; sleep 900", 'tail -f /dev/null'];

test('a command that sleeps, calculates or follows a file does not wait for input', async () => {
  const { client } = daemon;
  // The waiting program is found in the time in which the others are not.
  for (const [n, command] of busy.entries())
    await client.start({ id: `busy-${n}`, shell: `busy-${n}`, command }, budget());
  await client.start({ id: 'beside', shell: 'beside', command: 'read x' }, budget());
  await expect.poll(async () => (await client.operation('beside', budget()))?.asks).toBe(true);
  for (const [n, command] of busy.entries()) {
    expect([command, (await client.operation(`busy-${n}`, budget()))?.asks]).toEqual([command, undefined]);
    await client.kill(`busy-${n}`, budget());
  }
});

test('a command is not ended at its time limit while it asks', async () => {
  const { client } = daemon;
  await client.start({ id: 'ask', shell: 'main', command: 'read x; echo got:$x', timeoutMs: 1_500 }, budget());
  await expect.poll(async () => (await client.operation('ask', budget()))?.asks).toBe(true);
  await client.start({ id: 'other', shell: 'other', command: 'sleep 900', timeoutMs: 1_500 }, budget());
  expect(await client.follow('other', 0, () => {}, budget())).toMatchObject({ reason: 'timed_out' });
  expect(await client.operation('ask', budget())).toMatchObject({ state: 'running', asks: true });
});
