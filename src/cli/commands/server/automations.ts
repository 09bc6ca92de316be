import { parseRepository } from '../../../core/text/repository-address.ts';
import { type ParsedOptions, UsageError } from '../../command.ts';
import type { CustomVerbs } from '../../derived.ts';
import { goalOptions, parseGoal } from '../../shared-options.ts';

function parseAfter(options: ParsedOptions) {
  const source = options.text('after');
  if (source === undefined) return {};
  const [of, id] = source.split(':');
  if (!of || !id) throw new UsageError('--after must be session:<id>, automation:<id> or project:<id>.');
  return { 'after.of': of, 'after.id': id };
}

export const customAutomationVerbs: CustomVerbs = {
  options: [
    ...goalOptions,
    ['--timezone <name>', "the zone of --cron, such as Europe/Berlin; default: this machine's"],
    ['--after <source>', 'start it at the end of a run of session:<id>, automation:<id> or project:<id>'],
    ['-r, --repo <url...>', 'its sessions start with these repositories; append a branch, tag or commit with #'],
  ],
  async prepare({ verb, options }) {
    if (verb !== 'create') return {};
    if (!options.has('message')) throw new UsageError('Set the message to the agent with --message.');
    const goal = parseGoal(options);
    const timezone = options.text('timezone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    const fields = {
      ...(goal && { goal }),
      ...(options.has('cron') && { 'schedule.timezone': timezone }),
      ...parseAfter(options),
      repositories: options.texts('repo').map(parseRepository),
    };
    return { fields };
  },
  async finish({ verb, options, server, show }, { id }) {
    if (verb !== 'create' || !options.has('hook') || options.flag('json')) return;
    show([await server.call((api) => api.automations.rotateSecret.mutate({ id }))], 'secret');
  },
};
