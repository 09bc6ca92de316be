import { findTitleLine } from '../../core/text/text.ts';
import { type CliCommand, jsonOption, sessionArgument, UsageError } from '../command.ts';
import { toOneLine, toPrintable } from '../io.ts';
import { withState } from '../render.ts';
import { findBox } from '../server.ts';
import { formatSandboxCondition } from './pause.ts';

export const lsCommand: CliCommand = {
  name: 'ls',
  args: [],
  about: 'lists sessions, newest first',
  options: [
    ['-n, --limit <number>', 'maximum number of sessions; default 50'],
    ['--status <status>', 'only sessions that are pending, running, waiting, completed, stopped or failed'],
    ['-q, --quiet', 'print only ids'],
    jsonOption,
  ],
  examples: ['corral ls', 'corral ls --status waiting --json'],
  async run({ options, io, corral }) {
    const limit = Number(options.text('limit') ?? 50);
    if (!Number.isInteger(limit) || limit < 1 || limit > 500)
      throw new UsageError('--limit needs a number from 1 to 500.');
    const status = statuses.find((one) => one === options.text('status'));
    if (options.text('status') !== undefined && !status)
      throw new UsageError(`--status must be one of ${statuses.join(', ')}.`);
    const stored = status === 'failed' || status === 'stopped' ? 'completed' : status;
    const found = await corral().call((api) => api.sessions.list.query({ limit, ...(stored && { status: stored }) }));
    const items = found.items.map(withState).filter((one) => status === undefined || one.status === status);
    for (const { id, name, status, latestMessageAt, title, lastTask } of items) {
      const at = latestMessageAt.slice(0, 16).replace('T', ' ');
      const shown = io.paint('stdout', colours[status], status.padEnd(9));
      if (options.flag('json')) continue;
      const text = [name === null ? '' : `[${name}]`, title || findTitleLine(lastTask)]
        .filter((part) => part !== '')
        .join(' ');
      io.print(options.flag('quiet') ? id : `${id}  ${shown}  ${at}  ${toOneLine(text || '-', 60)}`);
    }
    if (options.flag('json')) for (const session of items) io.print(JSON.stringify(session));
    else if (items.length === 0) io.say('There are no sessions. Start one with: corral run "Say hello"');
  },
};
const colours = {
  running: 'cyan',
  waiting: 'yellow',
  completed: 'green',
  stopped: 'dim',
  failed: 'red',
  pending: 'dim',
} as const;
const statuses = ['pending', 'running', 'waiting', 'completed', 'stopped', 'failed'] as const;

export const showCommand: CliCommand = {
  name: 'show',
  args: [sessionArgument],
  about: 'shows a session: its state, its sandbox, its terminals and its last message',
  options: [jsonOption],
  examples: ['corral show last'],
  async run({ args: [word = ''], options, io, corral }) {
    const box = await findBox(corral(), word);
    const session = withState(await box.session());
    const of = { sessionId: box.id };
    const [sandbox, terminals, listed] = await Promise.all([
      box.api.sandbox.status.query(of),
      box.api.terminals.list.query(of),
      box.api.sessions.list.query({ parent: box.id, limit: 500 }),
    ]);
    const children = listed.items;
    if (options.flag('json'))
      return io.print(JSON.stringify({ ...session, sandbox, terminals, children: children.map(({ id }) => id) }));
    const rows = {
      session: `${session.id}${session.title ? `  ${toOneLine(session.title, 100)}` : ''}`,
      name: session.name ?? '',
      status: session.status,
      created: session.createdAt,
      parent: session.parent?.sessionId ?? '',
      children: children
        .map(withState)
        .map(({ id, status, title }) => `${id}  ${status}  ${toOneLine(title, 60)}`)
        .join('\n'),
      sandbox: `${formatSandboxCondition(sandbox)} (${sandbox.driver}), workspace ${sandbox.workdir}`,
      idle: sandbox.idleSeconds === null ? '' : `stopped after ${sandbox.idleSeconds} s without use; files are kept`,
      damage: sandbox.filesDamaged?.detail ?? '',
      events: String(session.lastSeq),
      terminals: terminals.map(({ id }) => id).join(', '),
      task: toOneLine(session.lastTask, 200),
      'last message': toPrintable(session.latestMessage).trim(),
    };
    for (const [name, value] of Object.entries(rows)) {
      if (value !== '')
        io.print(`${io.paint('stdout', 'dim', name.padEnd(13))}${value.replaceAll('\n', `\n${' '.repeat(13)}`)}`);
    }
  },
};

export const stopCommand: CliCommand = {
  name: 'stop',
  args: [['<session...>', 'the sessions']],
  about: 'stops the runs of sessions with their processes; files are kept',
  options: [['--sandbox', 'end the sandbox too; the files are kept'], jsonOption],
  examples: ['corral stop last'],
  async run({ args, options, io, corral }) {
    for (const word of args) {
      const box = await findBox(corral(), word);
      const { stopped } = await corral().call((api) => api.runs.stop.mutate({ sessionId: box.id }));
      if (options.flag('sandbox')) await box.stop();
      io.print(options.flag('json') ? JSON.stringify({ session: box.id, stopped }) : box.id);
      if (!stopped && !options.flag('sandbox') && !options.flag('json')) io.say('No run was in progress.');
    }
  },
};

export const rmCommand: CliCommand = {
  name: 'rm',
  args: [['<session...>', 'the sessions']],
  about: 'deletes sessions with their sandboxes, files and history',
  options: [jsonOption],
  examples: ['corral rm 0123456789abcdef', 'corral rm $(corral ls -q --status completed)'],
  async run({ args, options, io, corral }) {
    for (const word of args) {
      const box = await findBox(corral(), word);
      await box.remove();
      io.print(options.flag('json') ? JSON.stringify({ session: box.id, deleted: true }) : box.id);
    }
  },
};
