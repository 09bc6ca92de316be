import { findNearestWord } from '../../config/nearest.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { ServerCommandDefinition } from './command.ts';

/** Loaded lazily, so that commands do not slow down server startup. */
const commands: Readonly<Record<string, () => Promise<ServerCommandDefinition>>> = {
  up: async () => (await import('./background.ts')).upCommand,
  down: async () => (await import('./background.ts')).downCommand,
  try: async () => (await import('./try.ts')).tryCommand,
  'build-image': async () => (await import('./build-image.ts')).buildImageCommand,
  'engine-filter': async () => (await import('./engine-filter.ts')).engineFilterCommand,
  'seccomp-profile': async () => (await import('./seccomp-profile.ts')).seccompProfileCommand,
  export: async () => (await import('./transfer.ts')).exportCommand,
  import: async () => (await import('./transfer.ts')).importCommand,
  audit: async () => (await import('./audit.ts')).auditCommand,
  keys: async () => (await import('./keys.ts')).keysCommand,
  repair: async () => (await import('./repair.ts')).repairCommand,
  prompt: async () => (await import('./prompt.ts')).promptCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  reap: async () => (await import('./reap.ts')).reapCommand,
};

export async function describeCommands(): Promise<{ name: string; usage: string; about: string }[]> {
  const loaded = Object.entries(commands).map(async ([name, load]) => {
    const { usage, about } = await load();
    return { name, usage, about };
  });
  return await Promise.all(loaded);
}

export const isServerCommand = (name: string): boolean => Object.hasOwn(commands, name);

export async function loadCommand([name]: readonly string[]): Promise<ServerCommandDefinition | undefined> {
  if (name === undefined) return undefined;
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load) return await load();
  throw unknown(name);
}

function unknown(name: string): AppError {
  const known = Object.keys(commands);
  if (name.startsWith('-')) {
    const why = 'Settings are not arguments: set variables such as PORT=9000, or corral.yaml.';
    return new AppError('invalid_request', `There is no option ${name}. ${why} --help lists them.`);
  }
  const meant = findNearestWord(name, known);
  const advice = meant ? `did you mean ${meant}? The others` : 'the commands';
  const rest = known.filter((one) => one !== meant).join(', ');
  return new AppError(
    'invalid_request',
    `There is no command ${name}; ${advice} are ${rest}. Without a command, the server starts. --help lists all settings.`,
  );
}

const asksForHelp = (word: string | undefined) => word === '--help' || word === '-h' || word === 'help';

export async function renderRequestedHelp(args: readonly string[], all: (commands: readonly string[]) => string) {
  const [first, second] = args;
  if (asksForHelp(first))
    return second === undefined || asksForHelp(second) ? all(await commandsHelp()) : await commandHelp(second);
  return args.includes('--help') || args.includes('-h') ? await commandHelp(first ?? '') : undefined;
}

async function commandHelp(name: string): Promise<string> {
  const command = await loadCommand([name]);
  return command ? `./corral ${textOf(name, command)}` : '';
}

async function commandsHelp(): Promise<string[]> {
  const loaded = await Promise.all(Object.entries(commands).map(async ([name, load]) => textOf(name, await load())));
  return loaded.map((text) => `  ${text}`);
}

const textOf = (name: string, { usage, about }: ServerCommandDefinition) =>
  `${`${name} ${usage}`.trim()}\n      ${about}`;
