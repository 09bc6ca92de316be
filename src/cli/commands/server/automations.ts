import type { Inputs, Outputs } from '../../../client/types.ts';
import { parseRepository } from '../../../core/text/repository-address.ts';
import { type CliCommand, jsonOption, type Options } from '../../command.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { findNamed } from '../../find-named.ts';
import { parseGoal } from '../../goal-options.ts';
import { oneLine } from '../../io.ts';

type Automation = Outputs['automations']['get'];
type AutomationStart = Outputs['automations']['start'];
type NewAutomation = Inputs['automations']['create'];

const minutes = (at: string | null): string => at?.slice(0, 16).replace('T', ' ') ?? '-';

function formatState({ paused, schedule, nextAt, hook, after }: Automation): string {
  if (paused) return `paused: ${paused.text}`;
  if (hook && !schedule) return `deliveries of ${hook.source} to ${hook.path}`;
  if (after && !schedule) return `after the ${after.of} ${after.id}`;
  return schedule ? `next ${minutes(nextAt)} UTC` : 'by hand';
}
function formatOutcome({ state, outcome, text, sessionId }: AutomationStart): string {
  return [state, outcome?.status, sessionId, oneLine(text, 100)].filter(Boolean).join('  ');
}

const parseList = (text: string | undefined) => text?.split(',').map((one) => one.trim());

function parseHook(options: Options) {
  const source = options.text('hook');
  if (source === undefined) return undefined;
  const texts = { label: options.text('label'), account: options.text('account'), template: options.text('show') };
  const lists = {
    events: parseList(options.text('events')),
    senders: parseList(options.text('senders')),
    repositories: parseList(options.text('repositories')),
  };
  const values = Object.entries({ ...texts, ...lists }).filter(([, value]) => value !== undefined);
  return { source, ...Object.fromEntries(values) };
}
function parseBudget(options: Options) {
  const values = [
    ['tokens', 'tokenBudget', '--token-budget'],
    ['cost', 'costBudget', '--cost-budget'],
    ['toolCalls', 'toolCallBudget', '--tool-call-budget'],
  ].flatMap(([kind = '', name = '', option]) => {
    const value = options.text(name);
    if (value === undefined) return [];
    if (!(Number(value) > 0)) throw new UsageError(`${option} must be a number.`);
    return [[kind, Number(value)] as const];
  });
  return values.length === 0 ? {} : { budget: Object.fromEntries(values) };
}
function parseAfter(options: Options) {
  const source = options.text('after');
  if (source === undefined) return undefined;
  const [of, id] = source.split(':');
  if (!of || !id) throw new UsageError('--after must be session:<id>, automation:<id> or project:<id>.');
  const outcome = options.text('outcome');
  return { of, id, ...(outcome !== undefined && { outcome }) };
}

/** The automations of a server: lists, creates and starts them, and shows the results. */
export const automationCommand: CliCommand = {
  name: 'automation',
  args: [
    ['[action]', 'ls, create, start, starts, secret (creates a new one), pause, resume or rm; without one: ls'],
    ['[automation]', 'its id, the beginning of one, or its name; the name of a new one'],
  ],
  about: 'starts agents automatically: creates, lists, starts, pauses and removes automations',
  options: [
    ['-m, --message <text>', 'the message to the agent at each start'],
    [
      '-g, --goal <rubric>',
      'what the result must satisfy; a grader judges it, and a result that misses goes back to the agent',
    ],
    ['-c, --check <command...>', 'commands that must exit with 0 in the workspace before the grader is called'],
    ['--revisions <n>', 'how often a result that misses the goal goes back to the agent; default 3'],
    ['--cron <fields>', 'when it starts: minute, hour, day of the month, month, day of the week'],
    ['--timezone <name>', "the zone of --cron, such as Europe/Berlin; default: this machine's"],
    ['--hook <source>', 'deliveries from outside start it: github, gitlab, gitea (or Forgejo), or json'],
    ['--events <list>', 'the events of --hook: issue.labelled, issue.assigned, comment.mention, review, check.failed'],
    ['--label <name>', 'issue.labelled: with this label alone'],
    ['--account <name>', 'comment.mention: of this account; issue.assigned: to it'],
    ['--senders <list>', 'only events caused by these accounts; default: anyone'],
    ['--repositories <list>', 'only these, each as owner/name; default: all that use the secret'],
    ['--show <template>', '--hook json: the text for the agent, with {{path.of.a.field}}; default: the whole delivery'],
    ['--after <source>', 'start it at the end of a run of session:<id>, automation:<id> or project:<id>'],
    ['--outcome <end>', '--after: done, failed or any; default done'],
    ['--token-budget <n>', 'maximum tokens per session; at the limit it asks whether to continue'],
    [
      '--cost-budget <n>',
      "maximum cost per session in the price list's currency; at the limit it asks whether to continue",
    ],
    ['--tool-call-budget <n>', 'maximum tool calls per session; at the limit it asks whether to continue'],
    ['-r, --repo <url...>', 'its sessions start with these repositories; append a branch, tag or commit with #'],
    ['--template <name>', 'the template of its sessions'],
    ['--model <model>', 'the model of its sessions, provider/model'],
    [
      '--while-running <rule>',
      'what to do while an earlier start is running: skip, queue or stop (the earlier one); default skip',
    ],
    jsonOption,
  ],
  examples: [
    'corral automation create report -m "Summarize the open issues" --cron "0 9 * * 1-5" --timezone Europe/Berlin',
    'corral automation create fix -m "Fix the issue" --hook github --events issue.labelled --label agent',
    'corral automation ls',
    'corral automation start report',
    'corral automation starts report',
  ],
  async run({ args: [action = 'ls', word], options, io, corral }) {
    const server = corral();
    const isJson = options.flag('json');
    const show = (value: object, line: string) => io.print(isJson ? JSON.stringify(value) : line);
    const formatLine = (one: Automation) => `${one.id}  ${oneLine(one.name, 40).padEnd(20)}  ${formatState(one)}`;
    const showSecret = async (id: string) => {
      const { secret, path } = await server.call((api) => api.automations.rotateSecret.mutate({ id }));
      show({ secret, path }, `${path}\n${secret}`);
      if (!isJson)
        io.say(
          'These are the path of its address on the server, and the secret of its deliveries, which is shown only once.',
        );
    };
    if (action === 'ls') {
      const all = await server.call((api) => api.automations.list.query());
      for (const one of all) show(one, formatLine(one));
      if (all.length === 0 && !isJson) io.say('There are no automations. Create one with: corral automation create');
      return exitCodes.ok.code;
    }
    if (word === undefined) throw new UsageError(`Name the automation: corral automation ${action} <automation>`);
    if (action === 'create') {
      const message = options.text('message');
      if (message === undefined) throw new UsageError('Set the message to the agent with --message.');
      const rule = options.text('whileRunning') ?? 'skip';
      const whileRunning = (['skip', 'queue', 'stop'] as const).find((one) => one === rule);
      if (!whileRunning) throw new UsageError('--while-running must be skip, queue or stop.');
      const cron = options.text('cron');
      const timezone = options.text('timezone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
      const [template, model] = [options.text('template'), options.text('model')];
      const [hook, after, goal] = [parseHook(options), parseAfter(options), parseGoal(options)];
      const spec = {
        name: word,
        message,
        ...(goal && { goal }),
        repositories: options.texts('repo').map(parseRepository),
        whileRunning,
        ...(cron !== undefined && { schedule: { cron, timezone } }),
        ...parseBudget(options),
        ...(hook && { hook }),
        ...(after && { after }),
        ...(template !== undefined && { template }),
        ...(model !== undefined && { model }),
      } as NewAutomation; // the server checks sources, events and outcomes
      const created = await server.call((api) => api.automations.create.mutate(spec));
      show(created, formatLine(created));
      if (hook && !isJson) await showSecret(created.id);
      return exitCodes.ok.code;
    }
    const { id } = findNamed('automation', await server.call((api) => api.automations.list.query()), word);
    switch (action) {
      case 'start': {
        const start = await server.call((api) => api.automations.start.mutate({ id }));
        show(start, `It is starting. See: corral automation starts ${id}`);
        break;
      }
      case 'starts':
        for (const start of await server.call((api) => api.automations.starts.query({ id })))
          show(start, `${minutes(start.at)}  ${start.cause.kind.padEnd(8)}  ${formatOutcome(start)}`);
        break;
      case 'secret':
        await showSecret(id);
        break;
      case 'pause':
      case 'resume': {
        const changed = await server.call((api) => api.automations[action].mutate({ id }));
        show(changed, formatLine(changed));
        break;
      }
      case 'rm':
        await server.call((api) => api.automations.delete.mutate({ id }));
        show({ automation: id, deleted: true }, id);
        break;
      default:
        throw new UsageError(
          `There is no action "${action}". Use ls, create, start, starts, secret, pause, resume or rm.`,
        );
    }
    return exitCodes.ok.code;
  },
};
