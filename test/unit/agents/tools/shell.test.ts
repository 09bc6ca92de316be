import { describe, expect, test } from 'vitest';
import { BoundedOutput } from '../../../../src/agents/tools/output.ts';
import { shellExec, shellKill, shellView, shellWait, shellWrite } from '../../../../src/agents/tools/shell.ts';
import { managedAgentsToolset } from '../../../../src/agents/tools/toolset.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { toolBench } from '../../../support/agents/tools.ts';

const main = { id: 'main', exec_dir: '/workspace', command: 'make' };

test('a shell session that is restarted begins again without what earlier commands left', async () => {
  const { run, sandbox } = toolBench();
  const [bash] = managedAgentsToolset;
  expect(await run(bash as NonNullable<typeof bash>, { restart: true, command: 'pwd' })).toMatchObject({ ok: true });
  expect(sandbox.started.map(({ command, fresh }) => `${command} ${fresh}`)).toEqual([': true', 'pwd undefined']);
});

describe('shell_exec', () => {
  test('a command that succeeds gives its output and the console of its session', async () => {
    const { run, sandbox } = toolBench(() => ({ chunks: ['hi\n'] }));
    const result = await run(shellExec, main);
    expect(result).toMatchObject({ ok: true, output: 'hi\n', exitCode: 0 });
    expect(result.content).toEqual({ console: [{ ps1: 'corral:~$ ', command: 'make', output: 'hi\n' }] });
    const started = { id: 'op1', shell: 'main', command: 'make', cwd: '/workspace', tag: 'run1', timeoutMs: 60_000 };
    expect(sandbox.started).toEqual([started]);
  });

  test('a command that waits for input is returned with its prompt, and can be answered and awaited', async () => {
    const { run, sandbox } = toolBench(() => ({ chunks: ['Ok? '], hangs: true, asks: true }));
    const waits = /^Ok\? \n\[The command is still running and waits for input\..*shell_write_to_process/;
    const waiting = expect.stringMatching(waits);
    expect(await run(shellExec, main)).toMatchObject({ ok: true, output: waiting, content: { running: true } });
    expect(await run(shellWait, { id: 'main', seconds: 600 })).toMatchObject({ ok: true, output: waiting });
    await run(shellWrite, { id: 'main', input: 'y', press_enter: true });
    expect(sandbox.typed).toEqual(['y\n']);
  });

  test('the console holds everything the session ran before', async () => {
    const { run } = toolBench(() => ({ chunks: ['x'] }));
    await run(shellExec, { ...main, command: 'first' });
    const { content } = await run(shellExec, { ...main, command: 'second' });
    expect(content).toMatchObject({ console: [{ command: 'first' }, { command: 'second' }] });
  });

  test("runs a command without a directory in the shell's current directory", async () => {
    const { run, sandbox } = toolBench();
    await run(shellExec, { id: 'main', command: 'pwd' });
    expect(sandbox.started[0]).not.toHaveProperty('cwd');
  });

  test.each([
    [{ exitCode: 2 }, 'failed'],
    [{ exitCode: 124, reason: 'timed_out' }, 'timed_out'],
    [{ exitCode: 137, reason: 'oom' }, 'oom'],
    [{ exitCode: 143, reason: 'killed' }, 'cancelled'],
    [{ exitCode: 1, reason: 'lost' }, 'interrupted'],
  ] as const)('an end like %o is a failure of the kind %s, with its output', async (end, reason) => {
    const { run } = toolBench(() => ({ chunks: ['partly'], ...end }));
    expect(await run(shellExec, main)).toMatchObject({ ok: false, reason, exitCode: end.exitCode, output: 'partly' });
  });

  test('F117 keeps valid text in any chunks and replaces invalid bytes with U+FFFD, as for the whole', async () => {
    const whole = Buffer.concat([
      Buffer.from('ä€😀\r\nmixed\r\u0000\u001b]52;c;ZWNobw==\u0007\u001b[31m'),
      Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82, 0x0a, 0xf0, 0x9f, 0x98]),
      Buffer.from('end'),
    ]);
    for (let size = 1; size <= whole.length; size++) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < whole.length; at += size) chunks.push(whole.subarray(at, at + size));
      const { run, reports } = toolBench(() => ({ chunks }));
      // The sequences are invisible, and the text after the carriage return overwrites the line.
      expect(await run(shellExec, main)).toMatchObject({ output: 'ä€😀\n\ufffd\ufffd(\ufffdd\n\ufffdend' });
      expect(reports.join('')).toBe(whole.toString());
    }
  });

  test('a character that is never completed is reported at the end', async () => {
    const { run, reports } = toolBench(() => ({ chunks: [Buffer.from('a€').subarray(0, 2)] }));
    await run(shellExec, main);
    expect(reports.join('')).toBe('a\uFFFD');
  });

  test('F116 reads only the beginning of a flood of output live, and its end after the command', async () => {
    const bytes = Buffer.from(Array.from({ length: 2_000_000 }, (_, n) => 33 + (n % 89)));
    const { run, sandbox, reports } = toolBench(() => ({ chunks: [bytes] }));
    let read = 0;
    const follow: typeof sandbox.follow = async (id, from, onBytes, signal) => {
      for (let at = from; at < bytes.length && !signal.aborted; at += 65_536) {
        const chunk = bytes.subarray(at, at + 65_536);
        read += chunk.length;
        onBytes(chunk);
      }
      if (signal.aborted) throw new AppError('cancelled', 'The operation was cancelled.');
      return await sandbox.follow(id, from, () => {}, signal);
    };
    const { output } = await run(shellExec, main, { sandbox: { ...sandbox, follow } });
    const whole = new BoundedOutput();
    whole.add(bytes);
    expect(output).toBe(whole.text());
    expect(read).toBeLessThan(400_000);
    expect(bytes.toString().startsWith(reports.join(''))).toBe(true);
  });

  test('drops the oldest outputs of a console that is too long for an event', async () => {
    const { run } = toolBench(() => ({ chunks: ['x'.repeat(60_000)] }));
    for (let n = 0; n < 5; n++) await run(shellExec, main);
    const { content } = await run(shellExec, main);
    const lengths = content && 'console' in content ? content.console.map(({ output }) => output.length) : [];
    expect(lengths).toEqual([14, 14, 60_000, 60_000, 60_000, 60_000]);
  });

  test('a session that runs something refuses, and the model gets its options', async () => {
    const { context, run } = toolBench(() => ({ hangs: true }));
    const signal = AbortSignal.abort();
    await shellExec.run(context({ signal }), main);
    const result = await run(shellExec, { ...main, command: 'ls' });
    expect(result).toMatchObject({ ok: false, reason: 'refused' });
    expect(result.output).toMatch(/shell_wait.*shell_kill_process.*another id/);
  });

  test('a cancelled command keeps what it printed so far', async () => {
    const { run } = toolBench(() => ({ chunks: ['so far'], hangs: true }));
    const stop = new AbortController();
    const running = run(shellExec, main, { signal: stop.signal, onOutput: () => stop.abort() });
    expect(await running).toMatchObject({ ok: false, reason: 'cancelled', output: 'so far' });
  });

  test('throws when the connection to the sandbox is lost', async () => {
    const { sandbox, context } = toolBench();
    const lost = new Error('lost');
    const broken = { ...sandbox, follow: () => Promise.reject(lost) };
    await expect(shellExec.run(context({ sandbox: broken }), main)).rejects.toBe(lost);
  });
});

describe('reattaching to a command', () => {
  const bytes = Buffer.from([0xff, 0x61, 0x62, 0x63]); // the first byte is not valid UTF-8 and is shown as three bytes
  const begun = async () => {
    const bench = toolBench(() => ({ chunks: [bytes] }));
    await bench.run(shellExec, main, { operationId: 'before' });
    bench.reports.length = 0;
    return bench;
  };
  const reattach = async (bench: ReturnType<typeof toolBench>, operationId: string, fromByte: number) =>
    await shellExec.reattach?.(bench.context({ operationId, fromByte }), main);

  test('reports only new output, and returns the whole output', async () => {
    const bench = await begun();
    const result = await reattach(bench, 'before', Buffer.byteLength('\uFFFDa'));
    expect(bench.reports).toEqual(['bc']);
    expect(result).toMatchObject({ ok: true, output: '\uFFFDabc' });
    expect(bench.sandbox.started).toHaveLength(1);
  });

  test('a command unknown to the sandbox was interrupted, and is not run', async () => {
    const bench = await begun();
    expect(await reattach(bench, 'unheard', 0)).toMatchObject({ ok: false, reason: 'interrupted' });
    expect(bench.sandbox.started).toHaveLength(1);
  });
});

describe('a shell session', () => {
  const hanging = async () => {
    const bench = toolBench(() => ({ chunks: ['name? '], hangs: true }));
    await bench.run(shellExec, main, { signal: AbortSignal.abort() });
    return bench;
  };

  test('shows what it ran and that it still runs', async () => {
    const { run } = await hanging();
    expect((await run(shellView, { id: 'main' })).output).toBe('corral:~$ make\nname? \n[still running]');
  });

  test('takes input, with Enter by default', async () => {
    const { run, sandbox } = await hanging();
    await run(shellWrite, { id: 'main', input: 'Ann' });
    await run(shellWrite, { id: 'main', input: 'q', press_enter: false });
    expect(sandbox.typed).toEqual(['Ann\n', 'q']);
  });

  test('a wait ends when its time is up, and does not repeat output that another call reports', async () => {
    const { run, reports } = await hanging();
    reports.length = 0;
    const { ok, output } = await run(shellWait, { id: 'main', seconds: 0 });
    expect([ok, output, reports]).toEqual([true, 'It is still running after 0 s.\nname? ', []]);
  });

  test('a wait that is cancelled says nothing about the command', async () => {
    const { run } = await hanging();
    const waiting = run(shellWait, { id: 'main', seconds: 60 }, { signal: AbortSignal.abort() });
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('a wait ends with the command and says how that went', async () => {
    const { run } = await hanging();
    const waiting = run(shellWait, { id: 'main', seconds: 60 });
    await run(shellKill, { id: 'main' });
    expect((await waiting).output).toMatch(/^It ended: cancelled, exit code 143/);
  });
});
