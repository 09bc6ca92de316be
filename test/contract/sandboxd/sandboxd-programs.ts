import { describe, expect } from 'vitest';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { budget, clientTest, codesOf, recordingReader, type SandboxdHarness } from './sandboxd.ts';

/** A reader of a program: its output so far, and its pipes. */
async function reading(client: SandboxClient, id: string) {
  const { reply, reader } = recordingReader();
  return { reply, pipes: await client.programs.attach(id, reader, budget()) };
}

/** The tests of programs over pipes, for daemons with real processes. */
export function programContract(name: string, open: () => Promise<SandboxdHarness>): void {
  describe(`programs of sandboxd, ${name}`, () => {
    const test = clientTest(open);
    const sleeping = async (client: SandboxClient) =>
      (await client.processes(budget())).flatMap(({ cmd }) => (cmd.startsWith('sleep') ? [cmd] : [])).sort();

    test('input goes in; output, errors and the exit code come out apart', async ({ client }) => {
      const script = 'read line; echo "got $line"; echo trouble >&2; cat; exit 7';
      const entry = await client.programs.open({ id: 'p', argv: ['bash', '-c', script] }, budget());
      expect(entry).toEqual({ id: 'p', pid: expect.any(Number), startedAt: expect.any(Number) });
      const { reply, pipes } = await reading(client, 'p');
      await pipes.write(Buffer.from('one\n'));
      await expect.poll(() => reply).toEqual({ output: 'got one\n', errors: 'trouble\n' });
      await pipes.write(Buffer.from('rest'));
      pipes.endInput();
      expect([await pipes.ended, reply.output]).toEqual([{ exitCode: 7 }, 'got one\nrest']);
      expect(await client.programs.list(budget())).toEqual([]);
    });

    test('arguments, folder and variables arrive unchanged, and no shell reads them', async ({ client }) => {
      await client.exec({ command: 'mkdir sub' }, budget());
      const argv = ['bash', '-c', 'printf "%s|" "$PWD" "$A" "$CORRAL_RUN" "$@"', 'bash', '$HOME *', ''];
      await client.programs.open({ id: 'p', argv, cwd: 'sub', env: ['A=b=c'], tag: 'run-1' }, budget());
      const { reply, pipes } = await reading(client, 'p');
      await pipes.ended;
      expect(reply.output).toBe(`${client.workdir}/sub|b=c|run-1|$HOME *||`);
    });

    test('50 MB go through unchanged, and a reader that is slow holds the program back', async ({ client }) => {
      await client.programs.open({ id: 'p', argv: ['head', '-c', '50000000', '/dev/zero'] }, budget());
      let bytes = 0;
      const reader = {
        onOutput: async (chunk: Buffer) => {
          bytes += chunk.length;
          await new Promise(setImmediate);
        },
        onErrors: () => {},
      };
      const pipes = await client.programs.attach('p', reader, budget());
      expect([await pipes.ended, bytes]).toEqual([{ exitCode: 0 }, 50_000_000]);
    });

    test('a program outlives its reader, and the next reader gets the output that waited', async ({ client }) => {
      // The output comes when the daemon has certainly noticed that the first reader left.
      await client.programs.open({ id: 'p', argv: ['bash', '-c', 'read; sleep 1; echo later; exit 3'] }, budget());
      const first = await reading(client, 'p');
      await first.pipes.write(Buffer.from('\n'));
      first.pipes.detach();
      await expect(first.pipes.ended).rejects.toMatchObject({ code: 'sandbox_lost' });
      await expect.poll(async () => (await client.programs.list(budget()))[0]?.exitCode).toBe(3);
      const second = await reading(client, 'p');
      expect([await second.pipes.ended, second.reply.output]).toEqual([{ exitCode: 3 }, 'later\n']);
    });

    test('a new reader takes over from the old one', async ({ client }) => {
      await client.programs.open({ id: 'p', argv: ['cat'] }, budget());
      const first = await reading(client, 'p');
      const second = await reading(client, 'p');
      await expect(first.pipes.ended).rejects.toMatchObject({ code: 'sandbox_lost' });
      await second.pipes.write(Buffer.from('mine'));
      await expect.poll(() => second.reply.output).toBe('mine');
      await expect(first.pipes.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'sandbox_lost' });
    });

    test('opening it a second time gives the same program', async ({ client }) => {
      const [a, b] = await Promise.all([1, 2].map(() => client.programs.open({ id: 'p', argv: ['cat'] }, budget())));
      expect([a, await client.programs.list(budget())]).toEqual([b, [a]]);
    });

    test('closing it ends all that it started, detached processes too, and nothing else', async ({ client }) => {
      await client.programs.open({ id: 'other', argv: ['sleep', '819'] }, budget());
      const script = 'setsid sleep 811 & (setsid sleep 812 &); exec sleep 813';
      await client.programs.open({ id: 'p', argv: ['bash', '-c', script] }, budget());
      await expect.poll(() => sleeping(client)).toEqual(['sleep 811', 'sleep 812', 'sleep 813', 'sleep 819']);
      await client.programs.close('p', budget());
      expect(await sleeping(client)).toEqual(['sleep 819']);
    });

    test('an end of the program ends what it left in the background', async ({ client }) => {
      await client.programs.open({ id: 'p', argv: ['bash', '-c', 'sleep 821 & echo bye'] }, budget());
      const { reply, pipes } = await reading(client, 'p');
      expect([await pipes.ended, reply.output]).toEqual([{ exitCode: 0 }, 'bye\n']);
      await expect.poll(() => sleeping(client)).toEqual([]);
    });

    test('a program that is opened again lives on while the earlier one is being ended', async ({ client }) => {
      // The left child ignores TERM, so its end takes a while.
      const leaves = "trap '' TERM; sleep 832 > /dev/null 2>&1 & until grep -q sleep /proc/$!/comm; do :; done; exit 3";
      await client.programs.open({ id: 'p', argv: ['bash', '-c', leaves] }, budget());
      expect(await (await reading(client, 'p')).pipes.ended).toEqual({ exitCode: 3 });
      const again = await client.programs.open({ id: 'p', argv: ['sleep', '833'] }, budget());
      await expect.poll(() => sleeping(client)).toEqual(['sleep 833']);
      expect(await client.programs.list(budget())).toEqual([again]);
    });

    test('INT reaches the program, KILL ends it at once', async ({ client }) => {
      const script = 'trap "echo caught" INT; echo up; while :; do sleep 0.1; done';
      await client.programs.open({ id: 'p', argv: ['bash', '-c', script] }, budget());
      const { reply, pipes } = await reading(client, 'p');
      await expect.poll(() => reply.output).toBe('up\n');
      await client.programs.signal('p', 'SIGINT', budget());
      await expect.poll(() => reply.output).toBe('up\ncaught\n');
      await client.programs.signal('p', 'SIGKILL', budget());
      expect(await pipes.ended).toEqual({ exitCode: 137 });
    });

    test('a program, a folder or an id that does not exist is refused', async ({ client }) => {
      const { programs } = client;
      const specs = [{ argv: ['no-such-program'] }, { argv: ['cat'], cwd: '/etc' }, { argv: [] }];
      const opens = [...specs, { argv: ['cat'], env: ['novalue'] }].map((spec, n) =>
        programs.open({ id: `p${n}`, ...spec }, budget()),
      );
      const calls = [...opens, reading(client, 'none'), programs.close('none', budget())];
      expect(await codesOf(calls)).toEqual([
        ...['file_not_found', 'path_outside', 'invalid_request', 'invalid_request', 'not_found', 'not_found'],
      ]);
      expect(await programs.list(budget())).toEqual([]);
    });

    test('the 33rd program is refused, until one has ended', async ({ client }) => {
      const ids = Array.from({ length: 32 }, (_, n) => `p${n}`);
      await Promise.all(ids.map((id) => client.programs.open({ id, argv: ['cat'] }, budget())));
      const more = () => client.programs.open({ id: 'more', argv: ['cat'] }, budget());
      await expect(more()).rejects.toMatchObject({ code: 'conflict' });
      const { pipes } = await reading(client, 'p0');
      pipes.endInput();
      await pipes.ended;
      expect(await more()).toMatchObject({ id: 'more' });
    });
  });
}
