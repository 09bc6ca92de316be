import { type CliCommand, jsonOption, UsageError } from '../command.ts';
import { parseVolumeMounts, volumeOption } from '../shared-options.ts';

export const boxCommand: CliCommand = {
  name: 'box',
  args: [['<name>', 'the name, unique among your sessions, such as build-cache']],
  about: 'resumes the session with this name, or creates it, and prints its id',
  options: [
    ['-t, --template <template>', 'the template of a new session, such as code-interpreter'],
    ['--snapshot <snapshot>', 'the id or name of a snapshot whose files a new session starts with'],
    ['--built <template>', 'the id or name of a template that you built, whose image a new session starts from'],
    ['--idle <seconds>', 'pause the sandbox of a new session after this many seconds without use'],
    volumeOption,
    ['--rename <name>', 'rename the session, which must exist'],
    ['--free', 'remove the name from its session, so that another session can take it'],
    jsonOption,
  ],
  examples: [
    'corral box build-cache',
    'corral exec $(corral box build-cache) -- make',
    'corral show build-cache',
    'corral box build-cache --rename old-cache',
  ],
  async run({ args: [name = ''], options, io, corral }) {
    const words = ['template', 'snapshot', 'built', 'idle', 'rename'] as const;
    const [template, snapshot, built, idle, next] = words.map((one) => options.text(one));
    const isFreed = options.flag('free');
    const volumes = parseVolumeMounts(options.texts('volume'));
    const ofNew = volumes.length > 0 || [template, snapshot, built, idle].some((one) => one !== undefined);
    if (isFreed && next !== undefined) throw new UsageError('--rename and --free cannot be combined.');
    if (ofNew && (isFreed || next !== undefined))
      throw new UsageError(
        '--template, --snapshot, --built, --idle and --volume apply only to a new session, not with --rename or --free.',
      );
    const idleSeconds = idle === undefined ? undefined : Number(idle);
    if (idleSeconds !== undefined && !Number.isInteger(idleSeconds))
      throw new UsageError('--idle needs a number of seconds.');
    const server = corral();
    const print = (session: { readonly id: string }) =>
      io.print(options.flag('json') ? JSON.stringify(session) : session.id);
    if (isFreed || next !== undefined) {
      const { id } = await server.call((api) => api.sessions.byName.query({ name }));
      print(await server.call((api) => api.sessions.update.mutate({ id, name: next ?? null })));
      return;
    }
    const requested = {
      name,
      ...(template !== undefined && { template }),
      ...(snapshot !== undefined && { snapshot }),
      ...(built !== undefined && { built }),
      ...(idleSeconds !== undefined && { idleSeconds }),
      ...(volumes.length > 0 && { volumes: [...volumes] }),
    };
    const { session, isNew } = await server.call((api) => api.sessions.named.mutate(requested));
    if (!isNew && ofNew && !options.flag('json'))
      io.say('The session already exists, so --template, --snapshot, --built, --idle and --volume have no effect.');
    print(session);
  },
};
