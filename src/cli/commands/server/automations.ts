import type { Inputs, Outputs } from '../../../client/types.ts';
import { parseRepository } from '../../../core/text/repository-address.ts';
import { type CliCommand, jsonOption, type Options } from '../../command.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { findNamed } from '../../find-named.ts';
import { goalOf } from '../../goal-options.ts';
import { oneLine } from '../../io.ts';

type Automation = Outputs['automations']['get'];
type AutomationStart = Outputs['automations']['start'];
type NewAutomation = Inputs['automations']['create'];

const minutes = (at: string | null): string => at?.slice(0, 16).replace('T', ' ') ?? '-';

function stateOf({ paused, schedule, nextAt, hook, after }: Automation): string {
  if (paused) return `paused: ${paused.text}`;
  if (hook && !schedule) return `deliveries of ${hook.source} to ${hook.path}`;
  if (after && !schedule) return `after the ${after.of} ${after.id}`;
  return schedule ? `next ${minutes(nextAt)} UTC` : 'by hand';
}
function endOf({ state, outcome, text, sessionId }: AutomationStart): string {
  return [state, outcome?.status, sessionId, oneLine(text, 100)].filter(Boolean).join('  ');
}

const listOf = (text: string | undefined) => text?.split(',').map((one) => one.trim());

function hookOf(options: Options) {
  const source = options.text('hook');
  if (source === undefined) return undefined;
  const texts = { label: options.text('label'), account: options.text('account'), template: options.text('show') };
  const lists = {
    events: listOf(options.text('events')),
    senders: listOf(options.text('senders')),
    repositories: listOf(options.text('repositories')),
  };
  const values = Object.entries({ ...texts, ...lists }).filter(([, value]) => value !== undefined);
  return { source, ...Object.fromEntries(values) };
}
function budgetOf(options: Options) {
  const values = [
    ['tokens', 'tokenBudget', '--token-budget'],
    ['cost', 'costBudget', '--cost-budget'],
    ['toolCalls', 'toolCallBudget', '--tool-call-budget'],
  ].flatMap(([kind = '', name = '', option]) => {
    const value = options.text(name);
    if (value === undefined) return [];
    if (!(Number(value) > 0)) throw new UsageError(`${option} is a number.`);
    return [[kind, Number(value)] as const];
  });
  return values.length === 0 ? {} : { budget: Object.fromEntries(values) };
}
function afterOf(options: Options) {
  const thing = options.text('after');
  if (thing === undefined) return undefined;
  const [of, id] = thing.split(':');
  if (!of || !id) throw new UsageError('--after is session:<id>, automation:<id> or project:<id>.');
  const outcome = options.text('outcome');
  return { of, id, ...(outcome !== undefined && { outcome }) };
}

/** The automations of a server: lists, makes and starts them, and shows what has come of them. */
export const automationCommand: CliCommand = {
  name: 'automation',
  args: [
    ['[action]', 'ls, create, start, starts, secret (makes a new one), pause, resume or rm; without one: ls'],
    ['[automation]', 'its id, the beginning of one, or its name; the name of a new one'],
  ],
  about: 'starts agents by themselves: makes, lists, starts, pauses and removes automations',
  options: [
    ['-m, --message <text>', 'what the agent is told at each start'],
    ['-g, --goal <rubric>', 'what the result has to be like; a grader judges it, and a miss goes back to the agent'],
    ['-c, --check <command...>', 'commands of the workspace that have to exit with 0, before the grader is asked'],
    ['--revisions <n>', 'the most times that a miss goes back to the agent; default 3'],
    ['--cron <fields>', 'when it starts: minute, hour, day of the month, month, day of the week'],
    ['--timezone <name>', "the zone of --cron, such as Europe/Berlin; default: this machine's"],
    ['--hook <source>', 'deliveries from outside start it: github, gitlab, gitea (or Forgejo), or json'],
    ['--events <list>', 'the events of --hook: issue.labelled, issue.assigned, comment.mention, review, check.failed'],
    ['--label <name>', 'issue.labelled: with this label alone'],
    ['--account <name>', 'comment.mention: of this account; issue.assigned: to it'],
    ['--senders <list>', 'only what these accounts cause; default: anybody'],
    ['--repositories <list>', 'only these, each as owner/name; default: all that have the secret'],
    ['--show <template>', '--hook json: the text that the agent is shown, with {{path.of.a.field}}; default: all'],
    ['--after <thing>', 'the end of a run starts it: of session:<id>, automation:<id> or project:<id>'],
    ['--outcome <end>', '--after: done, failed or any; default done'],
    ['--token-budget <n>', 'tokens of each of its sessions; then it asks whether to go on'],
    ['--cost-budget <n>', "cost of each of its sessions in the price list's currency; then it asks whether to go on"],
    ['--tool-call-budget <n>', 'tool calls of each of its sessions; then it asks whether to go on'],
    ['-r, --repo <url...>', 'its sessions begin with these repositories; a branch, tag or commit stands behind a #'],
    ['--template <name>', 'the template of its sessions'],
    ['--model <model>', 'the model of its sessions, provider/model'],
    ['--while-running <rule>', 'a start while another works: skip, queue or stop (the other); default skip'],
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
    const lineOf = (one: Automation) => `${one.id}  ${oneLine(one.name, 40).padEnd(20)}  ${stateOf(one)}`;
    const showSecret = async (id: string) => {
      const { secret, path } = await server.call((api) => api.automations.rotateSecret.mutate({ id }));
      show({ secret, path }, `${path}\n${secret}`);
      if (!isJson)
        io.say(
          'These are the path of its address on the server, and the secret of its deliveries, which is shown this once.',
        );
    };
    if (action === 'ls') {
      const all = await server.call((api) => api.automations.list.query());
      for (const one of all) show(one, lineOf(one));
      if (all.length === 0 && !isJson) io.say('There are no automations. Make one with: corral automation create');
      return exitCodes.ok.code;
    }
    if (word === undefined) throw new UsageError(`Name the automation: corral automation ${action} <automation>`);
    if (action === 'create') {
      const message = options.text('message');
      if (message === undefined) throw new UsageError('Say what the agent is told, by --message.');
      const rule = options.text('whileRunning') ?? 'skip';
      const whileRunning = (['skip', 'queue', 'stop'] as const).find((one) => one === rule);
      if (!whileRunning) throw new UsageError('--while-running is skip, queue or stop.');
      const cron = options.text('cron');
      const timezone = options.text('timezone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
      const [template, model] = [options.text('template'), options.text('model')];
      const [hook, after, goal] = [hookOf(options), afterOf(options), goalOf(options)];
      const spec = {
        name: word,
        message,
        ...(goal && { goal }),
        repositories: options.texts('repo').map(parseRepository),
        whileRunning,
        ...(cron !== undefined && { schedule: { cron, timezone } }),
        ...budgetOf(options),
        ...(hook && { hook }),
        ...(after && { after }),
        ...(template !== undefined && { template }),
        ...(model !== undefined && { model }),
      } as NewAutomation; // the server says which sources, events and ends there are
      const created = await server.call((api) => api.automations.create.mutate(spec));
      show(created, lineOf(created));
      if (hook && !isJson) await showSecret(created.id);
      return exitCodes.ok.code;
    }
    const { id } = findNamed('automation', await server.call((api) => api.automations.list.query()), word);
    switch (action) {
      case 'start': {
        const start = await server.call((api) => api.automations.start.mutate({ id }));
        show(start, `It starts. See: corral automation starts ${id}`);
        break;
      }
      case 'starts':
        for (const start of await server.call((api) => api.automations.starts.query({ id })))
          show(start, `${minutes(start.at)}  ${start.cause.kind.padEnd(8)}  ${endOf(start)}`);
        break;
      case 'secret':
        await showSecret(id);
        break;
      case 'pause':
      case 'resume': {
        const changed = await server.call((api) => api.automations[action].mutate({ id }));
        show(changed, lineOf(changed));
        break;
      }
      case 'rm':
        await server.call((api) => api.automations.delete.mutate({ id }));
        show({ automation: id, deleted: true }, id);
        break;
      default:
        throw new UsageError(
          `${action} is no action. There are ls, create, start, starts, secret, pause, resume and rm.`,
        );
    }
    return exitCodes.ok.code;
  },
};
