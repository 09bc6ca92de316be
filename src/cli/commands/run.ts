import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Box, Corral, Run } from '../../client/index.ts';
import { parseRepository } from '../../core/text/repository-address.ts';
import { type CliCommand, exitCodes, jsonOption, UsageError } from '../command.ts';
import { followRun, reportGoalEnd } from '../follow-run.ts';
import type { Io } from '../io.ts';
import { findBox } from '../server.ts';
import { goalOptions, parseGoal, parseVolumeMounts, volumeOption } from '../shared-options.ts';

export const runCommand: CliCommand = {
  name: 'run',
  args: [['[task]', 'the task; without it, standard input is the task']],
  about: 'gives an agent a task in a new session, shows its work, and exits with its result',
  options: [
    ['-f, --file <path...>', 'upload these files into its workspace and mention them in the task'],
    ['-m, --model <model>', "the model, such as openai/gpt-5-mini; default: the server's"],
    ['-t, --template <template>', 'the template of its sandbox and agent, such as code-interpreter'],
    ['-r, --repo <url...>', 'fetch these repositories into its workspace; append a branch, tag or commit with #'],
    ['--compose <file>', "run this compose file's services, such as a database, next to its sandbox"],
    volumeOption,
    ['-s, --session <session>', 'continue this session'],
    ...goalOptions,
    ['--title <title>', "the new session's title"],
    ['--follow', 'show everything that happens, even without a terminal; with --json, every event'],
    ['-d, --detach', "print the session's id and do not wait"],
    ['--rm', 'delete the session at the end'],
    jsonOption,
  ],
  examples: [
    'corral run "Count the words of the README"',
    'corral run --file report.csv "Plot the sales by month"',
    'corral run --repo https://github.com/team/project.git#main "Fix the failing test"',
    'corral run --compose compose.yaml "Make the tests of the shop pass"',
    'corral run --goal "Every option is explained" --check "npm test" "Document the options"',
    'git diff | corral run --json',
  ],
  async run({ args: [value], options, io, corral }) {
    const task = value ?? (io.stdin.isTTY ? undefined : await readStdin(io.stdin));
    if (task === undefined || task.trim() === '') throw new UsageError('run needs a task: corral run "Say hello".');
    const goal = parseGoal(options);
    const server = corral();
    const session = options.text('session');
    const misplaced = ['template', 'repo', 'compose', 'volume'].find((name) => options.has(name));
    if (session !== undefined && misplaced !== undefined)
      throw new UsageError(`--${misplaced} applies only to a new session: omit it, or omit --session.`);
    const template = options.text('template');
    const repositories = options.texts('repo').map(parseRepository);
    const composeFile = options.text('compose');
    const volumes = parseVolumeMounts(options.texts('volume'));
    const compose = composeFile === undefined ? undefined : await readText(composeFile);
    const [model, title] = ['model', 'title'].map((name) => options.text(name));
    const agent = { ...(model !== undefined && { model }), ...(template !== undefined && { template }) };
    const requested = {
      ...agent,
      ...(title !== undefined && { title }),
      ...(repositories.length > 0 && { repositories }),
      ...(compose !== undefined && { compose }),
      ...(volumes.length > 0 && { volumes }),
    };
    const box = session === undefined ? await server.create(requested) : await findBox(server, session);
    try {
      const json = options.flag('json');
      const follow = options.flag('follow') || io.stderr.isTTY === true;
      if (follow && !json) io.say(io.paint('stderr', 'dim', `session ${box.id}`));
      const attachments = await putFiles(box, options.texts('file'));
      const run = await box.run(task, { attachments, ...(goal && { goal }) });
      if (io.canDraw && !json && !options.flag('detach')) return await shownRun({ io, corral: server, box, run });
      if (!options.flag('detach'))
        return await followRun(run, io, { json, follow: json ? options.flag('follow') : follow });
      io.print(json ? JSON.stringify({ session: box.id, run: run.id }) : box.id);
      return 0;
    } finally {
      if (options.flag('rm')) await box.remove().catch(() => {});
      box.close();
    }
  },
};

const codes = { completed: exitCodes.ok.code, failed: exitCodes.failed.code, stopped: exitCodes.stopped.code };

async function shownRun(parts: { io: Io; corral: Corral; box: Box; run: Run }): Promise<number> {
  const { openChatTerminal } = await import('../terminal/open.ts');
  const { box, end } = await openChatTerminal(parts);
  if (end === 'completed') return reportGoalEnd((await parts.run.result()).goal, parts.io);
  if (end !== undefined) return codes[end];
  if (parts.io.signal.aborted) return exitCodes.interrupted.code;
  if (box) parts.io.say(`Continue with: corral chat --session ${box.id}`);
  return exitCodes.ok.code;
}

async function putFiles(box: Box, files: readonly string[]): Promise<string[]> {
  const put: string[] = [];
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) throw new UsageError(`There is no file ${file} on this machine. Check the path.`);
    await box.files.write(basename(file), createReadStream(file));
    put.push(basename(file));
  }
  return put;
}

async function readText(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => {
    throw new UsageError(`The file ${file} cannot be read.`);
  });
}

async function readStdin(input: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const piece of input) text += String(piece);
  return text;
}
