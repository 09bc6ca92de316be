import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { budget, clientTest, codesOf, type SandboxdHarness } from './sandboxd.ts';

/** The control codes that bash's line editor uses to switch bracketed paste. */
const bracketedPaste = new RegExp(`${String.fromCharCode(27)}\\[\\?2004[hl]\\r?`, 'g');

/** A reader of a terminal: its output so far, and how it ended. */
function reading(client: SandboxClient, id: string, signal = budget()) {
  let text = '';
  const hear = (chunk: Uint8Array) => {
    text += Buffer.from(chunk).toString();
  };
  const ended = client.terminals.read(id, { onBytes: hear }, signal);
  ended.catch(() => {});
  return { ended, text: () => text.replaceAll(bracketedPaste, '') };
}
/** Opens a terminal and reads it. */
async function opened(client: SandboxClient) {
  await client.terminals.open('t', budget());
  const type = (text: string) => client.terminals.write('t', text, budget());
  return { reader: reading(client, 't'), type };
}
const shows = (reader: { text: () => string }, text: string) => expect.poll(reader.text).toContain(text);

/** The tests of terminals that every daemon must pass. They use only commands that the in-memory daemon knows. */
export function terminalContract(name: string, open: () => Promise<SandboxdHarness>): void {
  describe(`terminals of sandboxd, ${name}`, () => {
    const test = clientTest(open);

    test('a terminal echoes and runs its input, and exit ends it', async ({ client }) => {
      await client.terminals.open('t1', budget());
      expect(await client.terminals.list(budget())).toEqual([{ id: 't1', startedAt: expect.any(Number) }]);
      const reader = reading(client, 't1');
      await client.terminals.write('t1', 'echo one-two\n', budget());
      await shows(reader, 'echo one-two\r\n');
      await shows(reader, '\none-two\r\n');
      await client.terminals.write('t1', 'exit\n', budget());
      expect([await reader.ended, await client.terminals.list(budget())]).toEqual(['exited', []]);
    });

    test('what is typed over one stream arrives in order, characters of several bytes too, and the stream ends with the terminal', async ({
      client,
    }) => {
      const { reader } = await opened(client);
      const keyboard = await client.terminals.keyboard('t', budget());
      for (const byte of Buffer.from('echo ä-one-€\n')) keyboard?.write(Buffer.from([byte]));
      await shows(reader, '\nä-one-€\r\n');
      keyboard?.write('exit\n');
      expect(await reader.ended).toBe('exited');
      await expect.poll(() => keyboard?.closed).toBe(true);
    });

    test('a stream of typing that its client ends leaves the terminal as it is', async ({ client }) => {
      await client.terminals.open('t', budget());
      (await client.terminals.keyboard('t', budget()))?.destroy();
      const reader = reading(client, 't');
      await client.terminals.write('t', 'echo still\n', budget());
      await shows(reader, '\nstill\r\n');
    });

    test('opening it a second time gives the same terminal', async ({ client }) => {
      const [a, b] = await Promise.all([1, 2].map(() => client.terminals.open('same', budget())));
      expect(a).toEqual(b);
      expect(await client.terminals.list(budget())).toHaveLength(1);
    });

    test('a new reader takes over from the old one', async ({ client }) => {
      const { reader: first, type } = await opened(client);
      await type('echo first\n');
      await shows(first, 'first\r\n');
      const second = reading(client, 't');
      expect(await first.ended).toBe('replaced');
      await type('echo second\n');
      await shows(second, '\nsecond\r\n');
      expect(first.text()).not.toContain('second');
    });

    test('a reader that disconnects ends nothing; the next one gets the last screenful', async ({ client }) => {
      await client.terminals.open('t', budget());
      const leave = new AbortController();
      const first = reading(client, 't', leave.signal);
      await client.terminals.write('t', 'echo here\n', budget());
      await shows(first, 'here\r\n');
      leave.abort();
      await expect(first.ended).rejects.toMatchObject({ code: 'cancelled' });
      await client.terminals.write('t', 'echo unseen; echo x > done\n', budget());
      await expect.poll(() => client.readFile('done', budget()).then(String, () => '')).toBe('x\n');
      const second = reading(client, 't');
      await shows(second, 'echo unseen');
      await client.terminals.write('t', 'echo again\n', budget());
      await shows(second, '\nagain\r\n');
      expect(second.text().match(/\nunseen/g)).toHaveLength(1);
      expect(second.text().match(/\nhere/g)).toHaveLength(1);
    });

    test('the prompt that was there before anybody read is shown', async ({ client }) => {
      await client.terminals.open('t', budget());
      for (let times = 0; times < 2; times++) {
        await expect.poll(reading(client, 't').text).toMatch(/[$#] $/); // root's prompt ends in #
      }
    });

    test('closing it tells its reader', async ({ client }) => {
      const { reader, type } = await opened(client);
      await type('echo up\n');
      await shows(reader, '\nup\r\n');
      await client.terminals.close('t', budget());
      expect([await reader.ended, await client.terminals.list(budget())]).toEqual(['deleted', []]);
    });

    test('sixteen are open at most, and one that is closed makes room', async ({ client }) => {
      for (let n = 0; n < 16; n++) await client.terminals.open(`t${n}`, budget());
      await expect(client.terminals.open('one-more', budget())).rejects.toMatchObject({ code: 'conflict' });
      await client.terminals.close('t3', budget());
      await client.terminals.open('one-more', budget());
      expect((await client.terminals.list(budget())).map(({ id }) => id)).toContain('one-more');
    });

    test('F119 a flood of changes of its size is taken', { tags: ['nightly'] }, async ({ client }) => {
      const { reader, type } = await opened(client);
      const many = Array.from({ length: 1_000 }, (_, n) => ({ cols: 40 + (n % 100), rows: 20 }));
      for (let n = 0; n < many.length; n += 50)
        await Promise.all(many.slice(n, n + 50).map((size) => client.terminals.resize('t', size, budget())));
      await type('echo still-here\n');
      await shows(reader, '\nstill-here\r\n');
      await client.terminals.close('t', budget());
      await expect(client.terminals.write('t', 'x', budget())).rejects.toMatchObject({ code: 'shell_not_found' });
    });

    test('an unknown terminal is shell_not_found in every call', async ({ client }) => {
      const calls = [
        client.terminals.read('no', { onBytes: () => {} }, budget()),
        client.terminals.write('no', 'x', budget()),
        client.terminals.keyboard('no', budget()),
        client.terminals.resize('no', { cols: 80, rows: 24 }, budget()),
        client.terminals.close('no', budget()),
      ];
      expect(await codesOf(calls)).toEqual(calls.map(() => 'shell_not_found'));
    });

    test('F119 bad ids, and sizes that no terminal has, are refused', async ({ client }) => {
      await client.terminals.open('t', budget());
      const opens = ['../x', ''].map((id) => client.terminals.open(id, budget()));
      const [cols, rows] = [80, 24];
      const sizes = [
        ...[
          { cols: 0, rows: 0 },
          { cols: 0, rows },
          { cols: -1, rows },
          { cols: 80.5, rows },
          { cols, rows: 1_001 },
        ],
        ...[
          { cols: 65_535, rows: 65_535 },
          { cols, rows: Number.MAX_SAFE_INTEGER },
        ],
      ];
      const calls = [...opens, ...sizes.map((size) => client.terminals.resize('t', size, budget()))];
      expect(await codesOf(calls)).toEqual(calls.map(() => 'invalid_request'));
    });
  });
}

/** Additional tests for daemons with real terminals. */
export function realTerminalContract(name: string, open: () => Promise<SandboxdHarness>): void {
  describe(`real terminals of sandboxd, ${name}`, () => {
    const test = clientTest(open);
    const started = async (client: SandboxClient) => {
      const { reader, type } = await opened(client);
      await type('PS1="> "; unset PROMPT_COMMAND; printf re; echo ady\n');
      await shows(reader, 'ready\r\n');
      return { reader, type };
    };

    test('a terminal is an interactive bash of 80×24 characters at the root of the workspace', async ({ client }) => {
      const { reader, type } = await started(client);
      await type('test -t 0 -a -t 1 -a -t 2 && echo "is $-" $TERM; stty size; pwd\n');
      await shows(reader, `xterm-256color\r\n24 80\r\n${client.workdir}\r\n`);
      expect(reader.text()).toMatch(/\nis \w*i\w* xterm/);
    });

    test('a change of its size reaches what runs in the foreground', async ({ client }) => {
      const { reader, type } = await started(client);
      // stty sets columns and rows one after the other, so the program can be notified of both
      await type(
        `bash -c 'trap "stty size; stty size | grep -q ^7 && exit" WINCH; echo waiting $((1+1)); while :; do sleep 0.05; done'\n`,
      );
      await shows(reader, 'waiting 2\r\n');
      await client.terminals.resize('t', { cols: 133, rows: 7 }, budget());
      await shows(reader, '7 133\r\n');
    });

    test('Ctrl-C interrupts the command and not the shell', async ({ client }) => {
      const { reader, type } = await started(client);
      await type('sleep 71; echo never\n');
      const sleeping = async () => (await client.processes(budget())).some(({ cmd }) => cmd === 'sleep 71');
      await expect.poll(sleeping).toBe(true);
      await type('\x03');
      await type('echo still $((40+2))\n');
      await shows(reader, 'still 42\r\n');
      expect(reader.text()).not.toMatch(/^never/m);
    });

    test('a program that reads lines sees what is typed, echoed', async ({ client }) => {
      const { reader, type } = await started(client);
      await type('read -r line; echo "<$line>"\n');
      await shows(reader, '"\r\n');
      await type('some words\n');
      await shows(reader, 'some words\r\n<some words>\r\n');
    });

    test('a slow reader pauses the terminal and loses none of its output', async ({ client }) => {
      const { type } = await started(client);
      const attached = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      let text = '';
      const take = async (chunk: Uint8Array) => {
        attached.resolve(); // the prompt: a later reader gets only the last screenful
        await go.promise;
        text += Buffer.from(chunk).toString();
      };
      const ended = client.terminals.read('t', { onBytes: take }, budget());
      await attached.promise;
      await type('seq 1 400000; echo over $((1+1)); exit\n');
      expect((await client.exec({ command: 'sleep 0.5; echo waited' }, budget())).stdout).toBe('waited\n');
      go.resolve();
      expect(await ended).toBe('exited');
      const numbers = Array.from(text.replaceAll(bracketedPaste, '').matchAll(/^\d+(?=\r$)/gm), Number);
      expect([numbers.length, numbers.every((value, at) => value === at + 1)]).toEqual([400_000, true]);
    });

    test('F119 a paste of 10 MB comes through whole where it is read, else it is refused', async ({ client }) => {
      const { reader, type } = await started(client);
      const refused = { code: 'conflict', publicMessage: expect.stringContaining('is not reading') };
      await expect(type('x'.repeat(10_000_000))).rejects.toMatchObject(refused);
      await type('stty raw -echo; printf go; echo ne; head -c 10000000 | sha256sum; stty sane\n');
      await shows(reader, 'gone');
      const piece = Buffer.from(Array.from({ length: 100_000 }, (_, n) => 33 + (n % 89))).toString();
      const whole = createHash('sha256');
      const taken = () => codesOf([type(piece)]);
      for (let n = 0; n < 100; n++) {
        whole.update(piece);
        await expect.poll(taken, { interval: 5 }).toEqual([undefined]);
      }
      await shows(reader, whole.digest('hex'));
      await type('echo still $((40+2))\n');
      await shows(reader, 'still 42');
    });

    test('the process list shows the programs of a terminal but not its shell', async ({ client }) => {
      const { type } = await started(client);
      await type('sleep 75\n');
      const list = async () => (await client.processes(budget())).map(({ cmd }) => cmd);
      await expect.poll(list).toEqual(['sleep 75']);
    });
  });
}
