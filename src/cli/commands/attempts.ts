import type { Attempts, Box } from '../../client/index.ts';
import { type CliCommand, type CliCommandInput, exitCodes, jsonOption, UsageError } from '../command.ts';
import { type Io, toOneLine } from '../io.ts';
import { findBox } from '../server.ts';
import { parseGoal } from '../shared-options.ts';

type Attempt = Attempts['attempts'][number];

export const attemptsCommand: CliCommand = {
  name: 'attempts',
  args: [
    ['[action]', 'start, show, diff, choose, stop, ls (or list); without one: ls'],
    [
      '[session]',
      "the session's id, the beginning of one, or `last` for the newest, attempts and sub-agents aside (the default)",
    ],
    ['[word]', 'with start: the task; with diff and choose: the number of an attempt'],
  ],
  about: 'attempts one task several times in parallel, compares the results, and keeps the files of one',
  options: [
    ['-n, --number <n>', 'with start: how many, 2 to 8; default: 3'],
    ['-m, --model <model...>', 'with start: models, assigned to the attempts in turn'],
    ['-t, --template <template...>', 'with start: templates for instructions and tools, assigned in turn'],
    [
      '--begin <with>',
      'with start: fork (conversation and files), copy (files) or none; default: fork, after a first run',
    ],
    ['-g, --goal <rubric>', 'with start: what the result must satisfy; a grader judges and scores it'],
    ['-c, --check <command...>', 'with start: commands that must exit with 0 in the workspace'],
    ['--revisions <n>', 'how many times a result that misses the goal is returned to the agent; default: 3'],
    ['--token-budget <tokens>', 'with start: maximum tokens per attempt'],
    ['--tool-call-budget <calls>', 'with start: maximum tool calls per attempt'],
    ['--id <attempts>', 'the attempts; default: the newest of the session'],
    ['-d, --detach', 'with start: print the id and do not wait'],
    ['--delete-others', 'with choose: delete the sessions of the other attempts'],
    jsonOption,
  ],
  examples: [
    'corral attempts start last "Fix the failing test" --number 3 --check "npm test"',
    'corral attempts show last',
    'corral attempts diff last 2',
    'corral attempts choose last 2 --delete-others',
  ],
  async run(input) {
    const { args, options, io, corral } = input;
    const [action = 'ls', session = 'last', word] = args;
    const known = ['start', 'show', 'diff', 'choose', 'stop', 'ls', 'list'];
    if (!known.includes(action)) throw new UsageError(`There is no action "${action}". Use ${known.join(', ')}.`);
    const requested = action === 'start' ? parsePlan(input) : undefined;
    const box = await findBox(corral(), session);
    const print = (one: Attempts) => printAttempts(one, { io, isJson: options.flag('json') });
    if (requested) {
      const started = await box.attempts.start(requested.task, requested.options);
      if (options.flag('detach')) {
        io.print(options.flag('json') ? JSON.stringify(started) : started.id);
        return exitCodes.ok.code;
      }
      return print(await box.attempts.settled(started.id, { signal: io.signal }));
    }
    const all = await box.attempts.list();
    if (action === 'ls' || action === 'list') {
      for (const one of all)
        io.print(options.flag('json') ? JSON.stringify(one) : `${one.id}  ${one.phase}  ${toOneLine(one.task, 60)}`);
      if (all.length === 0 && !options.flag('json')) io.say(noneYet);
      return exitCodes.ok.code;
    }
    const id = options.text('id') ?? all[0]?.id;
    if (id === undefined) throw new UsageError(noneYet);
    if (action === 'show') return print(await box.attempts.get(id));
    if (action === 'stop') return print(await box.attempts.stop(id));
    const n = parseNumber(word, { action, session });
    if (action === 'diff') return await printDiff(box, { id, n, io });
    return print(await box.attempts.choose(id, n, { others: options.flag('deleteOthers') ? 'delete' : 'keep' }));
  },
};

const beginnings = ['fork', 'copy', 'none'] as const;
const noneYet = 'There are no attempts. Start some with: corral attempts start <session> <task>';

function parsePlan({ args: [, session, task], options }: CliCommandInput) {
  if (session === undefined || task === undefined || task.trim() === '')
    throw new UsageError('start needs a session and a task: corral attempts start last "Fix the failing test".');
  const [models, templates] = [options.texts('model'), options.texts('template')];
  const number = Number(options.text('number') ?? Math.max(3, models.length, templates.length));
  if (!Number.isInteger(number) || number < 2 || number > 8) throw new UsageError('--number must be from 2 to 8.');
  const begin = options.text('begin');
  const begins = beginnings.find((one) => one === begin);
  if (begin !== undefined && begins === undefined) throw new UsageError('--begin must be fork, copy or none.');
  const parseLimit = (option: string, name: string) => {
    const value = options.text(name);
    if (value !== undefined && !/^[1-9]\d{0,12}$/.test(value)) throw new UsageError(`${option} must be a number.`);
    return value === undefined ? undefined : Number(value);
  };
  const tokens = parseLimit('--token-budget', 'tokenBudget');
  const toolCalls = parseLimit('--tool-call-budget', 'toolCallBudget');
  const budget = { ...(tokens !== undefined && { tokens }), ...(toolCalls !== undefined && { toolCalls }) };
  const goal = parseGoal(options);
  const attempts = Array.from({ length: number }, (_, n) => {
    const [model, template] = [models[n % models.length], templates[n % templates.length]];
    return { ...(model !== undefined && { model }), ...(template !== undefined && { template }) };
  });
  const requested = {
    attempts,
    ...(goal && { goal }),
    ...(begins !== undefined && { begins }),
    ...(Object.keys(budget).length > 0 && { budget }),
  };
  return { task, options: requested };
}

function parseNumber(
  word: string | undefined,
  { action, session }: { readonly action: string; readonly session: string },
): number {
  if (word === undefined || !/^[1-8]$/.test(word))
    throw new UsageError(`${action} needs the number of an attempt: corral attempts ${action} ${session} 2.`);
  return Number(word);
}

async function printDiff(
  box: Box,
  { id, n, io }: { readonly id: string; readonly n: number; readonly io: Io },
): Promise<number> {
  const { text, truncated } = await box.attempts.diff(id, n);
  io.print(text.trimEnd());
  if (truncated) io.say('The diff is too long to show in full.');
  return exitCodes.ok.code;
}

function printAttempts(attempts: Attempts, { io, isJson }: { readonly io: Io; readonly isJson: boolean }): number {
  if (isJson) io.print(JSON.stringify(attempts));
  else {
    io.print('     state        diff           checks  score  goal                 tokens     cost  session');
    for (const one of attempts.attempts) io.print(formatRow(attempts, one));
    if (attempts.error !== null) io.say(attempts.error);
  }
  return exitCodes.ok.code;
}

function formatRow({ chosen, best }: Attempts, { n, state, result, tokens, cost, sessionId, error }: Attempt): string {
  const mark = chosen === n ? '*' : best === n ? '+' : ' ';
  const lines = result && (result.files === null ? '?' : `${result.files}f +${result.added} -${result.removed}`);
  const passed = result?.checks.filter((check) => check.result === 'passed').length ?? 0;
  const checks = result && result.checks.length > 0 ? `${passed}/${result.checks.length}` : '-';
  const parts = [
    `${mark} ${n} `,
    state.padEnd(11),
    (lines ?? '-').padEnd(13),
    checks.padEnd(6),
    String(result?.score ?? '-').padEnd(5),
    (result?.goal?.result ?? '-').padEnd(19),
    String(tokens).padStart(8),
    cost.toFixed(4).padStart(7),
    error === null ? sessionId : toOneLine(error, 80),
  ];
  return parts.join('  ');
}
