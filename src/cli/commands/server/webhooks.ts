import type { Corral } from '../../../client/index.ts';
import type { Outputs } from '../../../client/types.ts';
import { type CliCommand, jsonOption } from '../../command.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { findNamed } from '../../find-named.ts';
import { oneLine } from '../../io.ts';

type Webhook = Outputs['webhooks']['get'];
type Delivery = Outputs['webhooks']['test'];
type Spec = Parameters<Parameters<Parameters<Corral['call']>[0]>[0]['webhooks']['create']['mutate']>[0];

const seconds = (at: string): string => at.slice(0, 19).replace('T', ' ');
const formatState = ({ paused, events }: Webhook): string => (paused ? `paused: ${paused.text}` : events.join(','));
const formatDelivery = ({ id, type, state, tries, statusCode, error, createdAt }: Delivery): string =>
  [seconds(createdAt), id, type.padEnd(17), state, `tries ${tries}`, statusCode, oneLine(error, 100)]
    .filter((part) => part !== null && part !== '')
    .join('  ');

/** The webhooks of a server: lists, creates, tests and removes them, and shows deliveries. */
export const webhookCommand: CliCommand = {
  name: 'webhook',
  args: [
    ['[action]', 'ls, create, test, deliveries, resend, pause, resume, rotate or rm; without one: ls'],
    ['[webhook]', 'its id, the beginning of one, or its name; the name of a new one'],
    ['[delivery]', 'the delivery to resend: its id'],
  ],
  about: 'sends events to other programs: creates, lists, tests and removes webhooks',
  options: [
    ['--url <url>', 'the URL of a new webhook'],
    ['--events <list>', 'the events to send, such as run.waiting,run.failed; default all'],
    ['--format <format>', 'json (Standard Webhooks), slack or managed-agents; default json'],
    ['--project <id>', 'only the sessions and automations of this project'],
    jsonOption,
  ],
  examples: [
    'corral webhook create dashboard --url https://example.com/hooks --events run.waiting,run.failed',
    'corral webhook test dashboard',
    'corral webhook deliveries dashboard',
  ],
  async run({ args: [action = 'ls', word, delivery], options, io, corral }) {
    const server = corral();
    const isJson = options.flag('json');
    const show = (value: object, line: string) => io.print(isJson ? JSON.stringify(value) : line);
    const formatLine = (one: Webhook) =>
      `${one.id}  ${oneLine(one.name, 40).padEnd(20)}  ${oneLine(one.url, 100)}  ${formatState(one)}`;
    if (action === 'ls') {
      const all = await server.call((api) => api.webhooks.list.query());
      for (const one of all) show(one, formatLine(one));
      if (all.length === 0 && !isJson) io.say('There are no webhooks. Create one with: corral webhook create');
      return exitCodes.ok.code;
    }
    if (word === undefined) throw new UsageError(`Name the webhook: corral webhook ${action} <webhook>`);
    if (action === 'create') {
      const url = options.text('url');
      if (url === undefined) throw new UsageError('Set the URL with --url.');
      const [events, format, projectId] = [options.text('events'), options.text('format'), options.text('project')];
      // The server says which events and formats there are.
      const spec = {
        name: word,
        url,
        ...(events !== undefined && { events: events.split(',').map((event) => event.trim()) }),
        ...(format !== undefined && { format }),
        ...(projectId !== undefined && { projectId }),
      } as Spec;
      const created = await server.call((api) => api.webhooks.create.mutate(spec));
      show(created, `${formatLine(created)}\n${created.secret}`);
      if (!isJson) io.say('The second line is its secret. It is shown only once.');
      return exitCodes.ok.code;
    }
    const { id } = findNamed('webhook', await server.call((api) => api.webhooks.list.query()), word);
    switch (action) {
      case 'test': {
        const sent = await server.call((api) => api.webhooks.test.mutate({ id }));
        show(sent, `A test event is being sent. See: corral webhook deliveries ${id}`);
        break;
      }
      case 'deliveries':
        for (const one of await server.call((api) => api.webhooks.deliveries.query({ id })))
          show(one, formatDelivery(one));
        break;
      case 'resend': {
        if (delivery === undefined) throw new UsageError(`Name the delivery: corral webhook resend ${word} <delivery>`);
        const sent = await server.call((api) => api.webhooks.resend.mutate({ id, delivery }));
        show(sent, `It is being sent again. See: corral webhook deliveries ${id}`);
        break;
      }
      case 'pause':
      case 'resume': {
        const changed = await server.call((api) => api.webhooks[action].mutate({ id }));
        show(changed, formatLine(changed));
        break;
      }
      case 'rotate': {
        const changed = await server.call((api) => api.webhooks.rotate.mutate({ id }));
        show(changed, changed.secret);
        if (!isJson) io.say('This is its new secret. It is valid from now on, and shown only once.');
        break;
      }
      case 'rm':
        await server.call((api) => api.webhooks.delete.mutate({ id }));
        show({ webhook: id, deleted: true }, id);
        break;
      default:
        throw new UsageError(
          `There is no action "${action}". Use ls, create, test, deliveries, resend, pause, resume, rotate or rm.`,
        );
    }
    return exitCodes.ok.code;
  },
};
