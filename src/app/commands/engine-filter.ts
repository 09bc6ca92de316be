import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { dockerUserIdRange } from '../../../drivers/docker/descriptor.ts';
import { startEngineFilter } from '../../../drivers/docker/filter/filter.ts';
import { openSocketFolders } from '../../../drivers/docker/filter/owned-folders.ts';
import { imageUserId } from '../../../drivers/docker/users.ts';
import type { UserIdRange } from '../../../drivers/shared/user-range.ts';
import { userIdRange } from '../../config/kinds.ts';
import { AppError } from '../../core/errors/errors.ts';
import { parseWithUsage, type ServerCommandDefinition } from './command.ts';

const options = {
  engine: { type: 'string', default: '/var/run/docker.sock' },
  listen: { type: 'string' },
  instance: { type: 'string' },
  root: { type: 'string' },
  users: { type: 'string', default: dockerUserIdRange },
} as const;

export const engineFilterCommand: ServerCommandDefinition = {
  usage: '--listen <socket> --instance <name> --root <folder> [--users <first>-<last>] [--engine <socket>]',
  about: "serves a Docker Engine's socket that can only create, see and end the hardened sandboxes of one installation",
  async run(args, { signal, say }) {
    const { engine, listen, instance, root, users } = parsed(args);
    if (!listen || !instance || !root) {
      throw new AppError('invalid_request', `engine-filter needs ${engineFilterCommand.usage}.`);
    }
    await mkdir(dirname(listen), { recursive: true });
    await using _filter = await startEngineFilter({
      engine,
      listen,
      instance,
      users: usersFrom(users),
      folders: await openSocketFolders(root),
      onRefused: (request, why) => say(`refused ${request}: ${why}`),
    });
    say(`the engine at ${engine} is served at ${listen}, only for the sandboxes of ${instance}.`);
    if (!existsSync(engine)) say(`The socket ${engine} does not exist yet: requests fail until the engine creates it.`);
    if (!signal.aborted) await once(signal, 'abort');
    return 0;
  },
};

const parsed = (args: readonly string[]) =>
  parseWithUsage(
    `engine-filter needs ${engineFilterCommand.usage}`,
    () => parseArgs({ args: [...args], options }).values,
  );

/** With `none`, all sandboxes run as the image's user. */
function usersFrom(value: string): UserIdRange {
  const { kind, accepts } = userIdRange();
  const { success, data } = kind.safeParse(value);
  if (!success) throw new AppError('invalid_request', `--users is ${value}, but must be ${accepts}.`);
  return data ?? { first: imageUserId, last: imageUserId };
}
