import type { Inputs, Outputs } from '../../client/types.ts';
import { sleep } from '../../core/concurrency/cancel.ts';
import { parseRepository } from '../../core/text/repository-address.ts';
import { type CliCommand, exitCodes, jsonOption, UsageError } from '../command.ts';
import { toOneLine } from '../io.ts';

type AutomationStart = Outputs['automations']['start'];

const pollMs = 1_000;
const isOver = ({ state }: AutomationStart) => ['ended', 'skipped', 'failed'].includes(state);

export const prebuildCommand: CliCommand = {
  name: 'prebuild',
  args: [['<url...>', 'the repositories of one session; append a branch, tag or commit with #']],
  about: 'prepares the workspace of a repository in advance, so that new sessions start with it',
  options: [
    ['--ref <ref>', 'the branch, tag or commit, where there is one repository'],
    ['-t, --template <template>', 'the template of the sessions that will use it'],
    ['--cron <fields>', 'prepare it again on a schedule: minute, hour, day of the month, month, day of the week'],
    ['--timezone <name>', "the zone of --cron, such as Europe/Berlin; default: this machine's"],
    ['-d, --detach', 'print the id of its automation and do not wait'],
    jsonOption,
  ],
  examples: [
    'corral prebuild https://github.com/team/project.git',
    'corral prebuild https://github.com/team/project.git --ref main --cron "0 5 * * 1-5"',
  ],
  async run({ args, options, io, corral }) {
    const ref = options.text('ref');
    const repositories = args.map(parseRepository);
    if (ref !== undefined && (repositories.length > 1 || repositories[0]?.ref !== undefined))
      throw new UsageError('--ref applies to a single repository without a #. Write any other as <url>#<ref>.');
    const [cron, template] = [options.text('cron'), options.text('template')];
    const timezone = options.text('timezone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    const named = ref === undefined ? repositories : repositories.map((one) => ({ ...one, ref }));
    const spec = {
      kind: 'prebuild',
      name: `Prebuild of ${args.join(' ')}${ref === undefined ? '' : `#${ref}`}`.slice(0, 250),
      repositories: named,
      ...(template !== undefined && { template }),
      ...(cron !== undefined && { schedule: { cron, timezone } }),
    } satisfies Inputs['automations']['create'];
    const server = corral();
    const { id } = await server.call((api) => api.automations.create.mutate(spec));
    let stays = cron !== undefined || options.flag('detach');
    try {
      let start = await server.call((api) => api.automations.start.mutate({ id }));
      if (options.flag('detach')) {
        io.print(options.flag('json') ? JSON.stringify({ automation: id, start: start.id }) : id);
        return exitCodes.ok.code;
      }
      io.say('Preparing the workspace. This takes until .corral/setup.sh ends.');
      while (!isOver(start) && !io.signal.aborted) {
        await sleep(pollMs, io.signal).catch(() => {});
        const all = await server.call((api) => api.automations.starts.query({ id, limit: 200 }));
        start = all.find((one) => one.id === start.id) ?? start;
      }
      if (!isOver(start)) {
        stays = true;
        io.say(`It is still running. See: corral automation starts ${id}`);
        return exitCodes.interrupted.code;
      }
      const isDone = start.outcome?.status === 'completed';
      const text = toOneLine(start.text, 2_000);
      if (options.flag('json')) io.print(JSON.stringify({ ...(stays && { automation: id }), ...start }));
      else if (isDone) io.print(text);
      else io.say(text);
      return isDone ? exitCodes.ok.code : exitCodes.failed.code;
    } finally {
      if (!stays) await server.call((api) => api.automations.delete.mutate({ id })).catch(() => {});
    }
  },
};
