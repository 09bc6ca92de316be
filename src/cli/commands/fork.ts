import { type CliCommand, jsonOption, sessionArgument, UsageError } from '../command.ts';
import { findBox } from '../server.ts';

const withoutFiles = {
  too_large: 'The files were larger than snapshots.max-bytes',
  failed: 'The files could not be copied',
  dropped: 'The copy of those files was deleted to make room for newer ones (snapshots.keep, snapshots.session-bytes)',
  off: 'The server keeps no copies of files (snapshots.keep is 0, or the driver cannot)',
} as const;

export const forkCommand: CliCommand = {
  name: 'fork',
  args: [sessionArgument],
  about:
    'starts a new session from the end of a step or run of another one, with its conversation and files, and prints its id',
  options: [
    ['--at <seq>', 'the seq of a finished step or of the end of a run (see logs --json); default: the latest one'],
    ['--title <title>', "the new session's title"],
    ['--no-files', 'start without files'],
    jsonOption,
  ],
  examples: ['corral fork last', 'corral run --session $(corral fork last --at 42) "Now try it with SQLite"'],
  async run({ args: [word = ''], options, io, corral }) {
    const at = options.text('at');
    const seq = at === undefined ? undefined : Number(at);
    if (seq !== undefined && (!Number.isInteger(seq) || seq < 1))
      throw new UsageError('--at needs the seq of an event.');
    const title = options.text('title');
    const { id } = await findBox(corral(), word);
    const requested = {
      id,
      files: options.flag('files'),
      ...(seq !== undefined && { seq }),
      ...(title !== undefined && { title }),
    };
    const session = await corral().call((api) => api.sessions.fork.mutate(requested));
    io.print(options.flag('json') ? JSON.stringify(session) : session.id);
    const files = session.forkedFrom?.files;
    const why = files === undefined ? undefined : (withoutFiles as Partial<Record<string, string>>)[files];
    if (why && !options.flag('json')) io.say(`${why}, so the new session starts without files.`);
  },
};

export const adoptCommand: CliCommand = {
  name: 'adopt',
  args: [['<sandbox>', "the Sandbox, such as sandbox/build, in the namespace of the server's sandboxes"]],
  about:
    'creates a session in an existing Sandbox of agents.x-k8s.io and prints its id; Corral never deletes the Sandbox',
  options: [['--title <title>', "the new session's title"], jsonOption],
  examples: ['corral adopt sandbox/build', 'corral exec $(corral adopt sandbox/build) -- ls'],
  async run({ args: [adopt = ''], options, io, corral }) {
    const title = options.text('title');
    const requested = { adopt, ...(title !== undefined && { title }) };
    const session = await corral().call((api) => api.sessions.create.mutate(requested));
    io.print(options.flag('json') ? JSON.stringify(session) : session.id);
  },
};
