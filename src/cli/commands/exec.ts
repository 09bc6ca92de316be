import { quoteForShell } from '../../core/text/quote.ts';
import { type CliCommand, exitCodes, sessionArgument, UsageError } from '../command.ts';
import { writeWithBackpressure } from '../io.ts';
import { findBox } from '../server.ts';

export const execCommand: CliCommand = {
  name: 'exec',
  args: [
    sessionArgument,
    [
      '<command...>',
      'the command: one word is run by bash; several words, or everything after `--`, are a program and its arguments',
    ],
  ],
  about: 'runs a command in a sandbox, and exits with its exit code; a pipe into it is its standard input',
  options: [
    ['-w, --workdir <path>', 'the folder, relative to the workspace'],
    ['-e, --env <name=value...>', 'variables of its environment'],
    ['-t, --timeout <seconds>', 'end it after this time, with exit code 124'],
    ['--json', 'print one JSON object: `exitCode`, `timedOut`, `stdout`, `stderr`, `truncated`'],
  ],
  examples: [
    'corral exec last make test',
    "corral exec last 'ls | wc -l'",
    'corral exec last -- sh -c "exit 7"',
    'cat data.csv | corral exec last wc -l',
  ],
  passThrough: true,
  async run({ args: [word = '', ...words], isProgram, options, io, corral }) {
    const box = await findBox(corral(), word);
    const command = words.length === 1 && !isProgram ? (words[0] ?? '') : words.map(quoted).join(' ');
    const seconds = options.text('timeout');
    if (seconds !== undefined && !(Number(seconds) > 0)) throw new UsageError('--timeout needs a number of seconds.');
    const cwd = options.text('workdir');
    const requested = {
      env: Object.fromEntries(options.texts('env').map(variable)),
      ...(cwd !== undefined && { cwd }),
      ...(seconds !== undefined && { timeoutMs: Math.ceil(Number(seconds) * 1_000) }),
      ...(!io.stdin.isTTY && { stdin: io.stdin as AsyncIterable<Uint8Array> }),
      signal: io.signal,
    };
    try {
      if (options.flag('json')) {
        const result = await box.exec(command, requested);
        io.print(JSON.stringify(result));
        return result.exitCode;
      }
      const { exitCode } = await box.execBytes(command, {
        ...requested,
        onBytes: (to, bytes) => writeWithBackpressure(io[to], bytes),
      });
      return exitCode;
    } catch (thrown) {
      if (io.signal.aborted) return exitCodes.interrupted.code;
      throw thrown;
    } finally {
      io.stdin.unref?.(); // an unread terminal or pipe must not keep the process alive
    }
  },
};

const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoteForShell(word));

function variable(value: string): [string, string] {
  const at = value.indexOf('=');
  if (at < 1) throw new UsageError(`--env needs name=value, and got ${value}.`);
  return [value.slice(0, at), value.slice(at + 1)];
}
