import { type CliCommand, jsonOption } from '../command.ts';
import { exitCodes, UsageError } from '../exit-codes.ts';
import { mountsOf, volumeOption } from '../volume-options.ts';

export const boxCommand: CliCommand = {
  name: 'box',
  args: [['<name>', 'the name, once among your sessions, such as build-cache']],
  about: 'resumes the session of this name, or makes it, and prints its id',
  options: [
    ['-t, --template <template>', 'what a new one is like, such as code-interpreter'],
    ['--snapshot <snapshot>', 'the id or name of a snapshot, with whose files a new one begins'],
    ['--built <template>', 'the id or name of a template that you built, from whose image a new one starts'],
    ['--idle <seconds>', 'unused for so long, the sandbox of a new one is paused'],
    volumeOption,
    ['--rename <name>', 'give the session of this name another name; it has to be there'],
    ['--free', 'take the name from its session, which stays; another can have it then'],
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
    const volumes = mountsOf(options.texts('volume'));
    const ofNew = volumes.length > 0 || [template, snapshot, built, idle].some((one) => one !== undefined);
    if (isFreed && next !== undefined) throw new UsageError('--rename and --free contradict each other.');
    if (ofNew && (isFreed || next !== undefined))
      throw new UsageError(
        '--template, --snapshot, --built, --idle and --volume are for a new session: not with --rename or --free.',
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
      return exitCodes.ok.code;
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
      io.say('The session was there already, so --template, --snapshot, --built, --idle and --volume do not count.');
    print(session);
    return exitCodes.ok.code;
  },
};
