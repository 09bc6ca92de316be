import { parse } from 'yaml';
import { AppError } from '../core/errors.ts';
import { contradictions } from './contradictions.ts';
import { nearest } from './nearest.ts';
import { Config } from './schema.ts';
import { groups, type Setting, settings } from './settings.ts';

export type { Config } from './schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;
interface Given {
  readonly value: unknown;
  /** The variable that set the value, or the one that would set it. */
  readonly variable: string;
}

// CORRAL_CONFIG names the settings' file. The others are in the environment of our own sandboxes, and a Corral inside a
// sandbox ignores them.
const otherVariables = new Set([
  'CORRAL_CONFIG',
  'CORRAL_SANDBOX_ID',
  'CORRAL_OPERATION',
  'CORRAL_RUN',
  'CORRAL_MARK',
  'CORRAL_STATE',
]);

/** The environment overrides corral.yaml, and the file overrides the defaults. The error lists every mistake at once. */
export function loadConfig(env: Environment, yamlText: string): Config {
  const problems: string[] = [];
  const inFile = readFile(yamlText, problems);
  problems.push(...strangers(env));

  const tree: Record<string, unknown> = {};
  const given = new Map(settings.map((setting) => [setting, givenFor(setting, env, inFile)]));
  for (const [{ path }, { value }] of given) put(tree, path, value);

  const parsed = Config.safeParse(tree);
  const wrong = new Set((parsed.error?.issues ?? []).map(({ path }) => settingAt(path.map(String))));
  for (const setting of wrong) if (setting) problems.push(refusal(setting, given.get(setting)));
  if (!parsed.success || problems.length > 0) throw new AppError('invalid_request', problems.join('\n'));

  const nodeCa = env.NODE_EXTRA_CA_CERTS ? [env.NODE_EXTRA_CA_CERTS] : [];
  const config = { ...parsed.data, extraCa: [...new Set([...parsed.data.extraCa, ...nodeCa])] };
  const against = contradictions(config);
  if (against.length > 0) throw new AppError('invalid_request', against.join('\n'));
  return config;
}

function givenFor({ key, variables, shown }: Setting, env: Environment, inFile: ReadonlyMap<string, unknown>): Given {
  const variable = variables.find((name) => env[name]); // an empty variable counts as unset
  return variable ? { value: env[variable]?.trim(), variable } : { value: inFile.get(key), variable: shown };
}

function refusal({ key, accepts, isSecret }: Setting, given: Given | undefined): string {
  const got = isSecret ? 'something else (not shown)' : JSON.stringify(given?.value).slice(0, 120);
  return `${given?.variable} (${key} in corral.yaml) accepts ${accepts}; it got ${got}.`;
}

const settingAt = (path: readonly string[]) =>
  settings.find((it) => it.path.every((name, depth) => path[depth] === name));

function put(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    if (value !== undefined) tree[name] = value;
    return;
  }
  tree[name] ??= {};
  put(tree[name] as Record<string, unknown>, rest, value);
}

function strangers(env: Environment): string[] {
  const known = settings.flatMap(({ variables }) => variables);
  return Object.keys(env)
    .filter((name) => name.startsWith('CORRAL_') && !known.includes(name) && !otherVariables.has(name))
    .map((name) => `${name} is not a setting${suggest(nearest(name, known))}`);
}
const suggest = (name: string | undefined) =>
  name ? `; did you mean ${name}?` : '; npm start -- --help lists them all.';

/** The file's leaves by their dotted keys; an empty value counts as unset. */
function readFile(yamlText: string, problems: string[]): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const keys = settings.map(({ key }) => key);
  const walk = (value: unknown, path: string) => {
    if (keys.includes(path)) return void found.set(path, value ?? undefined);
    if (!groups.has(path)) {
      problems.push(`${path} in corral.yaml is not a setting${suggest(nearest(path, [...keys, ...groups]))}`);
    } else if (typeof value === 'object' && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value ?? {})) walk(inner, path ? `${path}.${name}` : name);
    } else if (value !== undefined) {
      problems.push(`${path || 'The content'} in corral.yaml must be a mapping, key: value, one to a line.`);
    }
  };
  try {
    walk(parse(yamlText), '');
  } catch (error) {
    problems.push(`corral.yaml cannot be read: ${String((error as Error).message).split('\n')[0]}`);
  }
  return found;
}
