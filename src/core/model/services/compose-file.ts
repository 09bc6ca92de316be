import { AppError } from '../../errors/errors.ts';
import { ServiceName, ServiceRecipes } from './recipe.ts';

// Refuses unsupported keys, because ignoring them would change the file's meaning.

const known = new Set(['image', 'command', 'environment', 'ports', 'expose', 'healthcheck', 'depends_on', 'tmpfs']);
const topLevel = new Set(['services', 'version', 'name']);
const advice: Readonly<Record<string, string>> = {
  build: 'build the image first, and set image to its name',
  volumes: 'a service keeps nothing beyond its session; folders in memory are tmpfs',
  env_file: 'write the variables under environment',
  entrypoint: 'write the program and its arguments under command',
  networks: 'services of a session reach each other and its sandbox, and nothing else',
  network_mode: 'services of a session reach each other and its sandbox, and nothing else',
  privileged: 'a service has no privileges',
  cap_add: 'a service has no capabilities',
  devices: 'a service has no devices',
  restart: 'a service that ends is not started again',
  container_name: 'sandbox and services know it by the name under services',
  user: 'a service runs as a user of its own, never as root',
};

type Mapping = Readonly<Record<string, unknown>>;
const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Parses the services of a decoded compose file. Throws: invalid_request, listing up to 20 unsupported keys and values.
 *
 * @example
 * parseComposeServices({ services: { redis: { image: 'redis:7', expose: ['6379'] } } });
 */
export function parseComposeServices(file: unknown): ServiceRecipes {
  const problems: string[] = [];
  if (!isMapping(file) || !isMapping(file.services) || Object.keys(file.services).length === 0) {
    throw refusal(['it has no services: name each one under services']);
  }
  for (const key of Object.keys(file)) {
    if (!topLevel.has(key) && !key.startsWith('x-'))
      problems.push(`${key}: ${advice[key] ?? 'Corral does not support it'}`);
  }
  const found = Object.entries(file.services).map(([name, input]): [string, unknown] => {
    const refuse = (key: string, why: string) => problems.push(`services.${name}.${key}: ${why}`);
    const [wrong] = ServiceName.safeParse(name).error?.issues ?? [];
    if (wrong) problems.push(`services.${name}: ${wrong.message}`);
    if (isMapping(input)) return [name, oneService(input, refuse)];
    problems.push(`services.${name}: must be a mapping`);
    return [name, {}];
  });
  if (problems.length > 0) throw refusal(problems);
  const { data, error } = ServiceRecipes.safeParse(Object.fromEntries(found));
  if (data) return data;
  throw refusal(error.issues.map(({ path, message }) => `services.${path.join('.')}: ${message}`));
}

const maxProblems = 20;
const refusal = (problems: readonly string[]) => {
  const rest = problems.length - maxProblems;
  const listed = [...problems.slice(0, maxProblems), ...(rest > 0 ? [`and ${rest} more`] : [])];
  const text = listed.map((problem) => problem.replace(/[\p{C}\s]+/gu, ' ').slice(0, 300)).join('; ');
  return new AppError('invalid_request', `The compose file cannot be used: ${text}. See docs/services.md.`);
};

type Refuse = (key: string, why: string) => void;

function oneService(mapping: Mapping, refuse: Refuse): Mapping {
  for (const key of Object.keys(mapping)) {
    if (!known.has(key) && !key.startsWith('x-')) {
      refuse(key, advice[key] ?? 'Corral does not support it');
    }
  }
  const { image, command, environment, healthcheck, depends_on: after, tmpfs } = mapping;
  if (typeof image !== 'string') refuse('image', 'is missing');
  const words = command === undefined ? undefined : parseWords(command, 'command', refuse);
  const health = healthcheck === undefined ? undefined : parseHealth(healthcheck, refuse);
  return {
    image: typeof image === 'string' ? plain(image, 'image', refuse) : 'missing',
    ...(words && { command: words }),
    ...(environment !== undefined && { env: parseVariables(environment, refuse) }),
    ports: [
      ...new Set([...parsePorts(mapping.ports, 'ports', refuse), ...parsePorts(mapping.expose, 'expose', refuse)]),
    ],
    ...(health && { healthcheck: health }),
    ...(after !== undefined && { after: parseDependencies(after, refuse) }),
    ...(tmpfs !== undefined && { scratch: parseFolders(tmpfs, refuse) }),
  };
}

/** Replaces `$$` with `$`. Refuses variables, because the server lacks the caller's environment. */
function plain(text: string, key: string, refuse: Refuse): string {
  if (/(^|[^$])(\$\$)*\$[A-Za-z_{]/.test(text))
    refuse(key, 'has a variable, which Corral does not substitute: write its value');
  return text.replaceAll('$$', '$');
}

function parseWords(value: unknown, key: string, refuse: Refuse): string[] | undefined {
  if (Array.isArray(value)) return value.map((word) => plain(String(word), key, refuse));
  if (typeof value !== 'string') {
    refuse(key, 'must be a string or a list of strings');
    return undefined;
  }
  const words = splitWords(value);
  if (words === undefined) refuse(key, 'has a quotation mark that is not closed');
  return words?.map((word) => plain(word, key, refuse));
}

function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\' && quote !== "'") {
      at += 1;
      word = (word ?? '') + text.charAt(at);
    } else if (quote !== undefined) {
      if (char === quote) quote = undefined;
      else word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== undefined) return undefined;
  return word === undefined ? words : [...words, word];
}

function parseVariables(value: unknown, refuse: Refuse): Record<string, string> {
  const pairs = Array.isArray(value)
    ? value.map((line): [string, unknown] => {
        const [, name = String(line), text] = /^([^=]*)=(.*)$/s.exec(String(line)) ?? [];
        return [name, text];
      })
    : Object.entries(isMapping(value) ? value : {});
  if (!Array.isArray(value) && !isMapping(value)) refuse('environment', 'must be a mapping, or a list of NAME=value');
  return Object.fromEntries(
    pairs.map(([name, text]) => {
      if (text === undefined || text === null)
        refuse('environment', `${name} has no value, and Corral does not inherit one`);
      return [name, plain(String(text ?? ''), 'environment', refuse)];
    }),
  );
}

/** Ports inside the service. The server publishes no ports on the host. */
function parsePorts(value: unknown, key: string, refuse: Refuse): number[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    refuse(key, 'must be a list');
    return [];
  }
  return value.flatMap((input) => {
    const text = isMapping(input) ? `${input.target}/${input.protocol ?? 'tcp'}` : String(input);
    const [, port] = /^(?:(?:\[[\da-f:]+\]:|[\d.]+:)?\d*:)?(\d{1,5})(?:\/tcp)?$/.exec(text) ?? [];
    if (port !== undefined) return Number(port);
    refuse(key, `${text} is not a TCP port`);
    return [];
  });
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Parses a duration such as 1m30s into whole seconds, rounded up, at least 1. */
function parseSeconds(value: unknown, refuse: Refuse, key: string): number | undefined {
  if (value === undefined) return undefined;
  const parts = [...String(value).matchAll(/(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== String(value)) {
    refuse('healthcheck', `${key} is not a duration such as 30s`);
    return undefined;
  }
  const ms = parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (unitMs[unit] ?? 0), 0);
  return Math.max(1, Math.ceil(ms / 1_000));
}

function parseHealth(value: unknown, refuse: Refuse): Mapping | undefined {
  if (!isMapping(value)) {
    refuse('healthcheck', 'must be a mapping');
    return undefined;
  }
  const { test, interval, timeout, retries, disable, start_period: start, start_interval: _often, ...others } = value;
  for (const key of Object.keys(others)) refuse('healthcheck', `it has no key ${key}`);
  if (disable === true) return undefined;
  const words = parseTest(test, refuse);
  if (words === undefined) return undefined;
  const every = parseSeconds(interval, refuse, 'interval');
  const limit = parseSeconds(timeout, refuse, 'timeout');
  const wait = parseSeconds(start, refuse, 'start_period') ?? 0;
  // Compose ignores failures during the start period. Here, extra retries cover that period.
  const tries = Number(retries ?? 3) + Math.ceil(wait / (every ?? 30));
  return {
    test: words,
    intervalSeconds: every ?? 30,
    timeoutSeconds: limit ?? 30,
    retries: Math.min(100, tries),
  };
}

function parseTest(test: unknown, refuse: Refuse): string[] | undefined {
  if (typeof test === 'string') return ['/bin/sh', '-c', plain(test, 'healthcheck', refuse)];
  const [kind, ...words] = Array.isArray(test) ? test.map((word) => plain(String(word), 'healthcheck', refuse)) : [];
  if (kind === 'NONE') return undefined;
  if (kind === 'CMD') return words;
  if (kind === 'CMD-SHELL') return ['/bin/sh', '-c', words.join(' ')];
  refuse('healthcheck', 'test must be a string, or a list that begins with CMD, CMD-SHELL or NONE');
  return undefined;
}

function parseDependencies(value: unknown, refuse: Refuse): string[] {
  if (Array.isArray(value)) return value.map(String);
  if (!isMapping(value)) {
    refuse('depends_on', 'must be a list of services');
    return [];
  }
  for (const [name, input] of Object.entries(value)) {
    const { condition = 'service_started', required = true } = isMapping(input) ? input : {};
    const isKnown = condition === 'service_started' || condition === 'service_healthy';
    if (!isKnown || required !== true)
      refuse('depends_on', `${name}: only service_started and service_healthy are supported`);
  }
  return Object.keys(value);
}

function parseFolders(value: unknown, refuse: Refuse): string[] {
  const values = Array.isArray(value) ? value : [value];
  return values.map((folder) => {
    const [path = '', options] = String(folder).split(':');
    if (options !== undefined) refuse('tmpfs', `${path} has options; the service's memory limits it`);
    return path;
  });
}
