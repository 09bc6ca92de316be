import { findNearestWord } from '../../config/nearest.ts';
import type { Setting } from '../../config/settings.ts';
import { describeInvalidValue, parseSettings, readYamlSettings } from '../../config/yaml-file.ts';
import { AppError } from '../../core/errors/errors.ts';
import { findConfigContradictions } from './contradictions.ts';
import { Config, settings, settingsLayout } from './schema.ts';

export type { Config } from './schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;
interface VariableValue {
  readonly value: unknown;
  readonly variable: string;
  readonly from: string | undefined;
}

const otherVariables = new Set([
  'CORRAL_CONFIG',
  'CORRAL_URL',
  'CORRAL_SANDBOX_ID',
  'CORRAL_OPERATION',
  'CORRAL_RUN',
  'CORRAL_MARK',
  'CORRAL_STATE',
]);

/** The environment overrides corral.yaml, which overrides the defaults. Throws invalid_request, listing every mistake. */
export function loadConfig(env: Environment, yamlText: string): Config {
  const problems: string[] = [];
  const source = { ...settingsLayout, file: 'corral.yaml', help: seeHelp };
  const inFile = readYamlSettings(yamlText, source, problems);
  problems.push(...strangers(env));

  const values = new Map(settings.map((setting) => [setting, valuesFor(setting, env, inFile)]));
  const parsed = parseSettings(Config, settings, (setting) => values.get(setting)?.value);
  const refused = 'refused' in parsed ? parsed.refused : [];
  for (const setting of refused) {
    const { variable, value } = values.get(setting) as VariableValue;
    problems.push(describeInvalidValue(setting, `${variable} (${setting.key} in corral.yaml)`, value));
  }
  if ('refused' in parsed || problems.length > 0) throw new AppError('invalid_request', problems.join('\n'));

  const nodeCa = env.NODE_EXTRA_CA_CERTS ? [env.NODE_EXTRA_CA_CERTS] : [];
  const sources = Object.fromEntries([...values].flatMap(([{ key }, { from }]) => (from ? [[key, from]] : [])));
  const config = { ...parsed.data, extraCa: [...new Set([...parsed.data.extraCa, ...nodeCa])], sources };
  const against = findConfigContradictions(config);
  if (against.length > 0) throw new AppError('invalid_request', against.join('\n'));
  return config;
}

function valuesFor(
  { key, variables, shown }: Setting,
  env: Environment,
  inFile: ReadonlyMap<string, unknown>,
): VariableValue {
  const variable = variables.find((name) => env[name]); // an empty variable is treated as unset
  if (variable) return { value: env[variable]?.trim(), variable, from: variable };
  const value = inFile.get(key);
  const isSet = value !== undefined && value !== null;
  return { value, variable: shown, from: isSet ? `${key} in corral.yaml` : undefined };
}

function strangers(env: Environment): string[] {
  const known = settings.flatMap(({ variables }) => variables);
  return Object.keys(env)
    .filter((name) => name.startsWith('CORRAL_') && !known.includes(name) && !otherVariables.has(name))
    .map((name) => `${name} is not a setting${suggest(findNearestWord(name, known))}`);
}
const seeHelp = './corral --help lists them all.';
const suggest = (name: string | undefined) => (name ? `; did you mean ${name}?` : `; ${seeHelp}`);
