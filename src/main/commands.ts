import { AppError } from '../core/errors.ts';
import type { Command } from './command.ts';

/** Loaded only when named, so that none of them costs a server's start anything. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  try: async () => (await import('./try.ts')).tryCommand,
  'build-image': async () => (await import('./build-image.ts')).buildImageCommand,
  'engine-filter': async () => (await import('./engine-filter.ts')).engineFilterCommand,
  export: async () => (await import('./transfer.ts')).exportCommand,
  import: async () => (await import('./transfer.ts')).importCommand,
  audit: async () => (await import('./audit.ts')).auditCommand,
  keys: async () => (await import('./keys.ts')).keysCommand,
  repair: async () => (await import('./repair.ts')).repairCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  reap: async () => (await import('./reap.ts')).reapCommand,
};

/** The command that the arguments name; undefined where there are none, which means to serve. */
export async function commandOf([name]: readonly string[]): Promise<Command | undefined> {
  if (name === undefined) return undefined;
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load) return await load();
  const known = Object.keys(commands).join(', ');
  throw new AppError(
    'invalid_request',
    `There is no command ${name}. Known are ${known}; without one the server starts. --help shows them and the settings.`,
  );
}

/** For `--help`. */
export async function commandsHelp(): Promise<string[]> {
  const loaded = await Promise.all(Object.entries(commands).map(async ([name, load]) => [name, await load()] as const));
  return loaded.map(([name, { usage, about }]) => `  ${`${name} ${usage}`.trim()}\n      ${about}`);
}
