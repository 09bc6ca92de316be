import { Command, CommanderError, Option } from 'commander';
import { CorralError } from '../client/index.ts';
import { type CliCommand, exitCodes, ParsedOptions, toExitCode, UsageError } from './command.ts';
import { clientCommands } from './commands/list.ts';
import { completionCommand } from './completion.ts';
import type { Io } from './io.ts';
import { connectToAddress } from './server.ts';

export interface ServerCommand {
  readonly name: string;
  readonly usage: string;
  readonly about: string;
}
export interface CliProgramOptions {
  readonly io: Io;
  readonly version: string;
  readonly serverCommands: readonly ServerCommand[];
  /** False only in the client package. */
  readonly hasServer?: boolean;
  readonly runServer: (args: readonly string[]) => Promise<number>;
}

export const allCliCommands: readonly CliCommand[] = [...clientCommands, completionCommand];

/** Resolves with the exit code. Prints errors, unless the user interrupted the command. */
export async function runCli(args: readonly string[], parts: CliProgramOptions): Promise<number> {
  const { io } = parts;
  let code: number = exitCodes.ok.code;
  const program = createProgram(parts, (exit) => {
    code = exit;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes.usage.code;
    if (io.signal.aborted) return exitCodes.interrupted.code;
    reportFailure(thrown as Error, io, args.includes('--json'));
    return toExitCode(thrown);
  }
}

function reportFailure(thrown: Error, io: Io, json: boolean): void {
  const { code, docs } = thrown instanceof CorralError ? thrown : { code: 'failed', docs: undefined };
  const advice = code === 'session_not_found' ? ['`corral ls` lists the sessions.'] : [];
  if (json) io.say(JSON.stringify({ error: { code, message: thrown.message, docs } }));
  else io.say([`corral: ${thrown.message}`, ...advice, ...(docs === undefined ? [] : [`See ${docs}`])].join('\n'));
}

export function createProgram(
  { io, version, serverCommands, runServer, hasServer = true }: CliProgramOptions,
  done: (exit: number) => void,
) {
  const program = new Command('corral')
    .description('Runs AI agents, each in its own sandbox. Commands call the server at CORRAL_URL, with CORRAL_TOKEN.')
    .version(version, '-V, --version', 'print the version')
    .option(...urlOption)
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => void io.stdout.write(text), writeErr: (text) => void io.stderr.write(text) })
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('`corral help` lists the commands.')
    .addHelpText(
      'after',
      `\nGet started: ${hasServer ? 'corral up, then ' : 'CORRAL_URL=<your server> '}corral run "Say hello", or corral chat.`,
    )
    .addHelpText('after', `\nExit codes:\n${formatExitCodes().join('\n')}`);
  for (const [title, commands] of groupCommands(allCliCommands)) {
    program.commandsGroup(`${title}:`);
    for (const command of commands) addCommand(program, command, io, done);
  }
  program.commandsGroup('The server:');
  const serve = { name: 'serve', usage: '', about: 'starts the server; `corral help settings` lists its settings' };
  for (const { name, usage, about } of [serve, ...serverCommands]) {
    program
      .command(name)
      .summary(summary(about))
      .description(about)
      .argument('[arguments...]', usage || 'none')
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .action(async (values: string[]) => {
        const { url } = program.opts<{ url?: string }>();
        done(await runServer([name, ...values, ...(url === undefined ? [] : ['--url', url])]));
      });
  }
  program
    .command('settings')
    .summary("lists the server's settings")
    .description('lists every setting of the server, with its variables and default')
    .action(async () => done(await runServer(['help', 'settings'])));
  return program;
}

/** Commands without a group come last. */
const groups: Readonly<Record<string, readonly string[]>> = {
  Sessions: ['run', 'chat', 'box', 'ls', 'show', 'logs', 'open', 'attempts', 'fork', 'stop', 'rm'],
  Sandboxes: ['exec', 'attach', 'cp', 'ps', 'port', 'desktop', 'vnc', 'pause', 'resume', 'snapshot', 'volume'],
  Repositories: ['prebuild', 'check', 'commit', 'push', 'pr', 'patch'],
};
function groupCommands(all: readonly CliCommand[]): [title: string, commands: readonly CliCommand[]][] {
  const named = new Set(Object.values(groups).flat());
  const byGroup = Object.entries(groups).map(([title, names]): [string, readonly CliCommand[]] => [
    title,
    names.flatMap((name) => all.find((one) => one.name === name) ?? []),
  ]);
  return [...byGroup, ['More', all.filter(({ name }) => !named.has(name))]];
}

function addCommand(
  program: Command,
  { name, args, about, options, examples, passThrough, run }: CliCommand,
  io: Io,
  done: (exit: number) => void,
) {
  const command = program.command(name).summary(summary(about)).description(about);
  command.showHelpAfterError(`\`corral help ${name}\` shows how to use it.`);
  const hasOwnUrl = options.some(([flags]) => flags.includes('--url'));
  if (!hasOwnUrl) command.addOption(new Option(...urlOption).hideHelp()); // the help lists it among the global options
  for (const [usage, text] of args) command.argument(usage, text);
  for (const [flags, text] of options) command.addOption(toOption(flags, text));
  command.addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`);
  if (passThrough) command.passThroughOptions();
  command.action(async () => {
    const { url = program.opts<{ url?: string }>().url } = hasOwnUrl ? {} : command.opts<{ url?: string }>();
    const corral = () => connectToAddress(url, io.env);
    const words = command.processedArgs.flat().filter((word): word is string => typeof word === 'string');
    const { args: values, isProgram } = passThrough
      ? parseCommandLine(command, words)
      : { args: words, isProgram: false };
    if (values.length < args.filter(([usage]) => usage.startsWith('<')).length) {
      throw new UsageError(`${name} needs ${args.map(([usage]) => usage).join(' ')}. corral help ${name} shows more.`);
    }
    const code = await run({ args: values, isProgram, options: new ParsedOptions(command.opts()), io, corral });
    done(typeof code === 'number' ? code : exitCodes.ok.code);
  });
}

/** Options can appear between the first argument and the other program's command line. */
function parseCommandLine(command: Command, [first = '', ...words]: readonly string[]) {
  const { operands, unknown } = command.parseOptions([...words]);
  const [unknownOption] = unknown;
  if (unknownOption !== undefined) {
    throw new UsageError(
      `There is no option ${unknownOption}. Write -- before a program whose name begins with a dash.`,
    );
  }
  return { args: [first, ...operands], isProgram: words.at(-operands.length - 1) === '--' };
}

/** A repeatable option takes one value each time. */
function toOption(flags: string, text: string): Option {
  const option = new Option(flags.replace('...', ''), text);
  if (!flags.includes('...')) return option;
  option.description = `${text} (repeatable)`;
  return option.argParser<string[]>((value, before) => [...(before ?? []), value]);
}

const urlOption = ['--url <address>', 'the server; default: CORRAL_URL, or the local one that is running'] as const;

const maxSummary = 76; // In characters.
const joint = /, (?=and |so |with |for |shows |compares |works |until |whoever )/g;
function summary(about: string): string {
  const [sentence = about] = about.split(/[;:] /, 1);
  if (sentence.length <= maxSummary) return sentence;
  const end = [...sentence.matchAll(joint)].findLast(({ index }) => index <= maxSummary);
  if (end) return sentence.slice(0, end.index);
  return `${sentence.slice(0, maxSummary).replace(/ \S*$/, '')}…`;
}

export const formatExitCodes = (): string[] =>
  Object.values(exitCodes).map(({ code, about }) => `  ${String(code).padStart(3)}  ${about}`);
