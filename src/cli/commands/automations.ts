import type { Outputs } from '../../client/types.ts';
import { type CliCommand, jsonOption } from '../command.ts';
import { exitCodes, UsageError } from '../exit-codes.ts';
import { findNamed } from '../find-named.ts';
import { oneLine } from '../io.ts';

type Automation = Outputs['automations']['get'];
type AutomationStart = Outputs['automations']['start'];

const minutes = (at: string | null): string => at?.slice(0, 16).replace('T', ' ') ?? '-';

function stateOf({ paused, schedule, nextAt }: Automation): string {
  if (paused) return `paused: ${paused.text}`;
  return schedule ? `next ${minutes(nextAt)} UTC` : 'by hand';
}
function endOf({ state, outcome, text, sessionId }: AutomationStart): string {
  return [state, outcome?.status, sessionId, oneLine(text, 100)].filter(Boolean).join('  ');
}

/** The automations of a server: lists, makes and starts them, and shows what has come of them. */
export const automationCommand: CliCommand = {
  name: 'automation',
  args: [
    ['[action]', 'ls, create, start, starts, pause, resume or rm; without one: ls'],
    ['[automation]', 'its id, the beginning of one, or its name; the name of a new one'],
  ],
  about: 'starts agents by themselves: makes, lists, starts, pauses and removes automations',
  options: [
    ['-m, --message <text>', 'what the agent is told at each start'],
    ['--cron <fields>', 'when it starts: minute, hour, day of the month, month, day of the week'],
    ['--timezone <name>', "the zone of --cron, such as Europe/Berlin; default: this machine's"],
    ['--template <name>', 'the template of its sessions'],
    ['--model <model>', 'the model of its sessions, provider/model'],
    ['--while-running <rule>', 'a start while another works: skip, queue or stop (the other); default skip'],
    jsonOption,
  ],
  examples: [
    'corral automation create report -m "Summarize the open issues" --cron "0 9 * * 1-5" --timezone Europe/Berlin',
    'corral automation ls',
    'corral automation start report',
    'corral automation starts report',
  ],
  async run({ args: [action = 'ls', word], options, io, corral }) {
    const server = corral();
    const isJson = options.flag('json');
    const show = (value: object, line: string) => io.print(isJson ? JSON.stringify(value) : line);
    const lineOf = (one: Automation) => `${one.id}  ${oneLine(one.name, 40).padEnd(20)}  ${stateOf(one)}`;
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
      const spec = {
        name: word,
        message,
        whileRunning,
        ...(cron !== undefined && { schedule: { cron, timezone } }),
        ...(template !== undefined && { template }),
        ...(model !== undefined && { model }),
      };
      const made = await server.call((api) => api.automations.create.mutate(spec));
      show(made, lineOf(made));
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
        throw new UsageError(`${action} is no action. There are ls, create, start, starts, pause, resume and rm.`);
    }
    return exitCodes.ok.code;
  },
};
