import { randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import {
  budget,
  clientTest,
  codesOf,
  followed,
  ownTag,
  recordingReader,
  run,
  type SandboxdHarness,
} from './sandboxd.ts';

/** Additional tests for daemons with real processes and files, inside or outside a container. */
export function realSandboxdContract(name: string, open: () => Promise<SandboxdHarness>): void {
  describe(`sandboxd with real processes, ${name}`, () => {
    const test = clientTest(open);
    const sleeping = async (client: SandboxClient) =>
      (await client.processes(budget())).filter(({ cmd }) => /^sleep/.test(cmd)).map(({ cmd }) => cmd);

    test('a shell, a program and a job work in a folder whose name is not UTF-8', async ({ client }) => {
      const here = 'pwd | od -An -tx1 | tr -d " \\n"';
      const { output } = await run(client, `mkdir $'caf\\xe9'; cd $'caf\\xe9'; ${here}`);
      expect((await run(client, here)).output).toBe(output); // the shell is still there
      expect((await run(client, here, { shell: 'second', cwd: 'caf\\xE9' })).output).toBe(output);
      expect((await client.exec({ command: here, cwd: 'caf\\xE9' }, budget())).stdout).toBe(output);
      const { reply, reader } = recordingReader();
      await client.programs.open({ id: 'p', argv: ['bash', '-c', here], cwd: 'caf\\xE9' }, budget());
      await (await client.programs.attach('p', reader, budget())).ended;
      expect(reply.output).toBe(output);
    });

    // Four kinds: a child in its own session, an orphan, a process that ignores TERM, and one that waits.
    const family = (n: number) =>
      `setsid sleep ${n}1 & (setsid sleep ${n}2 > /dev/null 2>&1 &) ; (sleep ${n}3 &) ; ` +
      `setsid bash -c 'trap "" TERM; sleep ${n}4; sleep ${n}5' & sleep ${n}6`;
    const quoted = (n: number) => `'${family(n).replaceAll("'", `'\\''`)}'`;
    type End = (client: SandboxClient, n: number, allBegan: () => Promise<void>) => Promise<void>;
    const stopped =
      (name: 'SIGTERM' | 'SIGKILL'): End =>
      async (client, n, allBegan) => {
        await client.start({ id: 'tree', shell: 'main', command: `bash -c ${quoted(n)}` }, budget());
        await allBegan();
        const isRoot = ({ cmd }: { cmd: string }) => cmd.startsWith('bash -c') && cmd.includes(`${n}1`);
        await client.signalProcess((await client.processes(budget())).find(isRoot)?.pid ?? 0, name, budget());
      };
    const ends: Readonly<Record<string, End>> = {
      'a process stopped with SIGTERM': stopped('SIGTERM'),
      'a process stopped with SIGKILL': stopped('SIGKILL'),
      async 'a process started in the background and stopped later'(client, n, allBegan) {
        const command = `setsid bash -lc ${quoted(n)} > log 2>&1 < /dev/null & echo $!`;
        const { stdout } = await client.exec({ command }, budget());
        await allBegan();
        await client.signalProcess(Number(stdout), 'SIGTERM', budget());
      },
      async 'a shell that is killed'(client, n, allBegan) {
        await client.start({ id: 'tree', shell: 'main', command: family(n) }, budget());
        await allBegan();
        await client.kill('main', budget());
        expect((await followed(client, 'tree')).operation).toMatchObject({ reason: 'killed' });
      },
      async 'a shell that is killed, with what its earlier commands left in the background,'(client, n, allBegan) {
        const command = `(${family(n)}) > /dev/null 2>&1 & echo begun`;
        await client.start({ id: 'past', shell: 'main', command }, budget());
        expect((await followed(client, 'past')).operation).toMatchObject({ exitCode: 0 });
        await allBegan();
        await client.kill('main', budget());
      },
      async 'a call that takes too long'(client, n) {
        const result = await client.exec({ command: family(n), timeoutMs: 1_500 }, budget());
        expect(result).toMatchObject({ exitCode: 124, timedOut: true });
      },
      async 'a command of a shell session that takes too long'(client, n) {
        const { operation } = await run(client, family(n), { timeoutMs: 1_500 });
        expect(operation).toMatchObject({ exitCode: 124, reason: 'timed_out' });
      },
      async 'a closed terminal'(client, n, allBegan) {
        await client.terminals.open('t', budget());
        await client.terminals.write('t', `${family(n)}\n`, budget());
        await allBegan();
        await client.terminals.close('t', budget());
      },
    };
    test.for(Object.entries(ends).map(([name, end], at) => ({ name, end, n: 71 + at })))(
      '$name takes its whole tree along, and nothing of another command',
      async ({ end, n }, { client }) => {
        await client.start({ id: 'beside', shell: 'beside', command: `sleep ${n}8 & sleep ${n}9` }, budget());
        const neighbour = [`sleep ${n}8`, `sleep ${n}9`];
        const all = [...[1, 2, 3, 4, 6].map((last) => `sleep ${n}${last}`), ...neighbour].sort();
        await end(client, n, () => expect.poll(async () => (await sleeping(client)).sort()).toEqual(all));
        expect((await sleeping(client)).sort()).toEqual(neighbour);
        expect(await client.operation('beside', budget())).toMatchObject({ state: 'running' });
      },
    );

    test('a signal to one of two background processes leaves the other running', async ({ client }) => {
      const { stdout } = await client.exec({ command: 'sleep 991 & echo $!; sleep 992 > /dev/null 2>&1 &' }, budget());
      await expect.poll(async () => (await sleeping(client)).sort()).toEqual(['sleep 991', 'sleep 992']);
      await client.signalProcess(Number.parseInt(stdout, 10), 'SIGTERM', budget());
      expect(await sleeping(client)).toEqual(['sleep 992']);
    });

    test('a command in a shell session has a real terminal, and its lines end with \\n alone', async ({ client }) => {
      const { output } = await run(client, 'test -t 0 && test -t 1 && test -t 2 && stty size; echo $SHELL');
      expect(output).toBe('30 120\n/bin/bash\n');
    });

    test('a shell does not echo its input, and Ctrl-C interrupts only the command', async ({ client }) => {
      await client.start({ id: 'typed', shell: 'main', command: 'cat; echo never' }, budget());
      const done = followed(client, 'typed');
      await client.write('main', 'line\n', budget());
      await expect.poll(async () => (await client.operation('typed', budget()))?.bytes).toBe(5);
      await client.write('main', '\x03', budget());
      expect(await done).toMatchObject({ output: 'line\n', operation: { exitCode: 130 } });
    });

    test('a command has the exit code that its shell gives it', async ({ client }) => {
      const codes = {
        ...{ 'exit 300': 44, 'kill -9 $$': 137, nosuchcommand: 127, 'echo "': 2, 'set -eu; false; echo no': 1 },
        ...{ 'exec true': 0, 'trap "exit 9" EXIT': 9, '# only a comment': 0, "cat <<'E'\nx\nE": 0 },
      };
      for (const [command, exitCode] of Object.entries(codes))
        expect([command, (await run(client, command)).operation]).toMatchObject([command, { exitCode }]);
    });

    test('a command that shows the environment of everything here does not end by that', async ({ client }) => {
      const all = 'cat /proc/[0-9]*/environ 2>/dev/null; ps eww 2>/dev/null; echo; echo last; exit 3';
      const { output, operation } = await run(client, all);
      expect(output.slice(-5)).toBe('last\n');
      expect(operation).toMatchObject({ exitCode: 3 });
    });

    test('a background child of a session lives on with its terminal, and its output is shown', async ({ client }) => {
      const { output } = await run(client, '(sleep 0.5; echo late) & echo early');
      expect(output).toBe('early\n');
      await expect.poll(async () => (await client.view('main', budget())).console[0]?.output).toBe('early\nlate\n');
      expect((await run(client, 'echo next')).output).toBe('next\n');
    });

    test('unset and removed things do not carry over, and a removed folder leads home', async ({ client }) => {
      await run(client, 'export A=1 B="x\ny"; mkdir gone; cd gone');
      await run(client, 'unset A; rm -r ../gone');
      expect((await run(client, 'echo "$A $B $CORRAL_RUN"; pwd')).output).toBe(` x\ny \n${client.workdir}\n`);
    });

    test('a fresh command begins in the workspace, without the exports before it', async ({ client }) => {
      await run(client, 'mkdir sub; cd sub; export A=1');
      expect((await run(client, 'echo "$A"; pwd; export B=2', { fresh: true })).output).toBe(`\n${client.workdir}\n`);
      expect((await run(client, 'echo "$A$B"; pwd')).output).toBe(`2\n${client.workdir}\n`);
    });

    test('a command of 200 000 characters runs, in a session and by exec', async ({ client }) => {
      const command = `x='${'a'.repeat(200_000)}'; echo \${#x}`;
      expect((await run(client, command)).output).toBe('200000\n');
      expect((await client.exec({ command }, budget())).stdout).toBe('200000\n');
    });

    test('F117 bytes that are no text come through whole', async ({ client }) => {
      const content = randomBytes(300_000);
      await client.writeFile('bytes', content, budget());
      const { id } = await run(client, 'stty -opost 2>/dev/null; cat bytes');
      const parts: Uint8Array[] = [];
      await client.follow(id, 0, (part) => parts.push(part), budget());
      expect(Buffer.concat(parts).equals(content)).toBe(true);
    });

    test('a client that hangs up during exec takes the command with it', async ({ client }) => {
      const stop = new AbortController();
      const gone = client.exec({ command: 'sleep 71' }, stop.signal);
      await expect.poll(() => sleeping(client)).toEqual(['sleep 71']);
      stop.abort();
      await expect(gone).rejects.toMatchObject({ code: 'cancelled' });
      await expect.poll(() => sleeping(client)).toEqual([]);
    });

    test('a stop ends a command that ignores TERM and interrupts', async ({ client }) => {
      const command = 'trap "" TERM INT HUP; while :; do sleep 72; done';
      await client.start({ id: 'stubborn', shell: 'main', command, tag: ownTag('run') }, budget());
      await expect.poll(() => sleeping(client)).toHaveLength(1);
      await client.killTagged(ownTag('run'), budget());
      expect((await followed(client, 'stubborn')).operation).toMatchObject({ exitCode: 137, reason: 'killed' });
      expect(await sleeping(client)).toEqual([]);
    });

    test('F039 a child without its environment is known by its terminal', async ({ client }) => {
      const sleep = `sleep 87.${process.pid}`;
      const count = async () => (await client.exec({ command: `pgrep -cfx '${sleep}'` }, budget())).stdout;
      await run(client, `env -i ${sleep} &`, { tag: ownTag('run') });
      await expect.poll(count).toBe('1\n');
      expect([(await client.killTagged(ownTag('run'), budget())).killed, await count()]).toEqual([1, '0\n']);
    });

    test('F039 killTagged ends every process that a run detached', async ({ client }) => {
      const detached = [
        'nohup sleep 80 >/dev/null 2>&1 &',
        'setsid sleep 81 &',
        '(setsid bash -c "sleep 82 & sleep 83 & exit" &)',
        "setsid -f sh -c 'sleep 84 & exit'",
      ];
      await run(client, `${detached.join('\n')}\necho done`, { tag: ownTag('run') });
      await client.exec({ command: 'setsid sleep 85 >/dev/null 2>&1 &', tag: ownTag('other') }, budget());
      await expect.poll(() => sleeping(client)).toHaveLength(6);
      expect((await client.killTagged(ownTag('run'), budget())).killed).toBeGreaterThanOrEqual(5);
      expect(await sleeping(client)).toEqual(['sleep 85']);
    });

    test('F108 a start that meets the stop of its run, or comes after it, leaves no process', async ({ client }) => {
      for (let n = 0; n < 20; n++) {
        const tag = `run-${n}`;
        const start = { id: `late-${n}`, shell: `shell-${n}`, command: 'sleep 88', tag };
        await Promise.allSettled([client.start(start, budget()), client.killTagged(tag, budget())]);
        const later = { id: `later-${n}`, shell: `shell-${n}`, command: 'sleep 89', tag };
        await expect(client.start(later, budget())).rejects.toMatchObject({ code: 'conflict' });
      }
      expect(await sleeping(client)).toEqual([]);
    });

    test('F116 output without end is capped at the spool, and a slow reader holds nobody back', async ({ client }) => {
      const { operation } = await run(client, 'head -c 80M /dev/zero | tr "\\0" x');
      expect(operation).toMatchObject({ exitCode: 0 });
      expect(operation.bytes).toBeGreaterThan(64 * 1024 * 1024);
      expect(operation.bytes).toBeLessThan(64 * 1024 * 1024 + 200);
      const { output } = await followed(client, operation.id, 64 * 1024 * 1024);
      expect(output).toBe('\n[corral: output beyond 64 MiB is not kept]\n');
    });

    test('exec keeps the whole of a long output in a file; the next exec gives its own', async ({ client }) => {
      const command = 'seq 1 900000; seq 1 300000 >&2';
      const { wholeIn, ...cut } = await client.exec({ command }, budget());
      expect([cut.exitCode, cut.stdout.length, cut.stderr.length]).toEqual([0, 1024 * 1024, 1024 * 1024]);
      const { stdout = '', stderr = '' } = wholeIn ?? {};
      const compare = `seq 1 900000 | cmp - ${stdout} && seq 1 300000 | cmp - ${stderr}`;
      expect(await client.exec({ command: compare }, budget())).toEqual({
        exitCode: 0,
        stdout: '',
        stderr: '',
        timedOut: false,
      });
    });

    test('F120 symbolic links do not lead out, and those within do', async ({ client }) => {
      await run(client, 'ln -s /etc/passwd file; ln -s / root; ln -s /nowhere dangling');
      await run(client, 'mkdir d; echo in > d/real; ln -s d/real ok; ln -s d folder');
      const refused = [
        client.readFile('file', budget()),
        client.readFile('root/etc/passwd', budget()),
        client.writeFile('file', 'x', budget()),
        client.writeFile('root/tmp/x', 'x', budget()),
        client.writeFile('dangling', 'x', budget()),
        client.listFiles('root', budget()),
        client.find('root', '*', budget()),
        client.grep('file', 'root', budget()),
      ];
      expect(await codesOf(refused)).toEqual(refused.map(() => 'path_outside'));
      await client.writeFile('ok', 'changed', budget());
      expect(String(await client.readFile('folder/real', budget()))).toBe('changed');
      await client.removeFile('file', budget());
      expect((await client.exec({ command: 'test -s /etc/passwd && readlink ok' }, budget())).stdout).toBe('d/real\n');
    });

    test('F120 a link swapped all the time never leads out', async ({ client }) => {
      await client.writeFile('real/secret', 'inside', budget());
      const swap =
        'const fs = require("fs"); for (;;) for (const to of ["real", "/etc"]) { ' +
        'fs.symlinkSync(to, "next"); fs.renameSync("next", "link"); }';
      await run(client, 'ln -s real link');
      await client.start({ id: 'swap', shell: 'main', command: `node -e '${swap}'` }, budget());
      await client.writeFile('real/passwd', 'inside', budget());
      const seen = new Set<string>();
      for (let rounds = 0; rounds <= 300 || !seen.has('inside') || !seen.has('path_outside'); rounds++) {
        seen.add(await client.readFile('link/passwd', budget()).then(String, (thrown) => thrown.code));
        await client.writeFile('link/corral-test', 'x', budget()).catch(() => {});
      }
      expect([...seen].filter((it) => it !== 'file_not_found').sort()).toEqual(['inside', 'path_outside']);
      expect((await client.exec({ command: 'ls /etc/corral-test' }, budget())).exitCode).not.toBe(0);
    });

    test('F121 a FIFO, a socket and a device are refused at once', async ({ client }) => {
      await run(client, `mkfifo fifo; node -e 'require("net").createServer().listen("sock", () => process.exit())'`);
      const refused = [
        client.readFile('fifo', budget()),
        client.writeFile('fifo', 'x', budget()),
        client.writeFile('fifo', 'x', budget(), { append: true }),
        client.grep('fifo', 'x', budget()),
        client.readFile('sock', budget()),
        client.writeFile('sock', 'x', budget()),
      ];
      expect(await codesOf(refused)).toEqual(refused.map(() => 'invalid_request'));
      expect((await client.grep('.', 'x', budget())).truncated).toBe(false);
      expect((await client.listFiles('.', budget())).filter(({ type }) => type === 'other')).toHaveLength(2);
    });

    test('F125 a folder with more files than can be listed says so and is searched all the same', async ({
      client,
    }) => {
      await run(client, 'mkdir many; cd many; seq 20001 | xargs touch');
      const publicMessage = expect.stringContaining('at most 20000 can be listed');
      const refused = client.listFiles('many', budget());
      await expect(refused).rejects.toMatchObject({ code: 'payload_too_large', publicMessage });
      expect(await client.find('many', '20001', budget())).toMatchObject({ matches: ['many/20001'] });
    });

    test('a file over 50 MiB is refused in both directions, and a cut one can be read', async ({ client }) => {
      await run(client, 'head -c 51M /dev/zero > big');
      const calls = [client.readFile('big', budget()), client.writeFile('big2', Buffer.alloc(51 << 20), budget())];
      expect(await codesOf(calls)).toEqual(['payload_too_large', 'payload_too_large']);
      expect((await client.readFile('big', budget(), { maxBytes: 10 })).length).toBe(10);
    });

    test('a search survives a line of 50 MB and finds hidden files, but not those of tools', async ({ client }) => {
      await run(client, 'head -c 50M /dev/zero | tr "\\0" y > long');
      await run(client, 'echo needle > .hidden; mkdir .git; echo needle > .git/x');
      const { matches } = await client.grep('.', 'yyy|needle', budget());
      expect(matches.map(({ file }) => file).sort()).toEqual(['.hidden', 'long']);
      expect(Math.max(...matches.map(({ content }) => content.length))).toBeLessThanOrEqual(2_000);
    });
  });
}
