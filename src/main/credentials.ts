import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import type { CredentialSetting } from '../config/credentials.ts';
import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { type Authority, egressAuthority } from '../egress/credentials/authority.ts';
import type { Credential } from '../egress/credentials/credential.ts';
import { type Entry, parseEntry } from '../egress/policy.ts';
import { keyMaterial } from './key-material.ts';

/** The credentials that the proxy adds for sandboxes, and what sandboxes get instead. */
export interface Credentials {
  readonly all: readonly Credential[];
  /** Undefined without credentials: then no TLS is ended. */
  readonly authority: Authority | undefined;
  /** Placeholders in the variables that the settings name. */
  readonly env: Readonly<Record<string, string>>;
  /** The stored keys of providers, for `value-from: {key: …}`; they exist only later in the start. */
  readKeysFrom(use: (provider: string) => Promise<Secret | undefined>): void;
}
interface Options {
  readonly config: Pick<Config, 'egress' | 'keys' | 'dataDir'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly newKey: () => string;
  readonly now: () => number;
  /** Masks a value in the log. */
  readonly learn: (secret: Secret) => void;
}

/** Rejects with invalid_request where a value is missing, so that a wrong setting is found at the start. */
export async function openCredentials({ config, env, newKey, now, learn }: Options): Promise<Credentials> {
  const settings = config.egress.credentials;
  let useKey: ((provider: string) => Promise<Secret | undefined>) | undefined;
  const nothing = { all: [], authority: undefined, env: {}, readKeysFrom: () => {} };
  if (settings.length === 0) return nothing;
  refuseClashes(settings);
  const keys = await keyMaterial({ config, file: 'egress-authority-key', newKey });
  const readValue = async ({ name, from }: CredentialSetting): Promise<Secret> => {
    const text =
      'env' in from ? env[from.env] : 'file' in from ? await fileText(from.file) : (await useKey?.(from.key))?.reveal();
    const value = text?.trim() ?? '';
    if (value === '' || /[^\x20-\x7e]/.test(value)) throw missing(name, from);
    const secret = new Secret(value);
    learn(secret);
    return secret;
  };
  for (const setting of settings) if (!('key' in setting.from)) await readValue(setting);
  const [first] = keys;
  const all = settings.map((setting): Credential => {
    const { name, hosts, header, scheme, user = 'x-access-token' } = setting;
    const mark = createHmac('sha256', first?.reveal() ?? '')
      .update(`credential ${name}`)
      .digest('hex')
      .slice(0, 24);
    const basic = (value: string) => `Basic ${Buffer.from(`${user}:${value}`).toString('base64')}`;
    return {
      ...{ name, header, hosts: hosts.map(parseEntry) as Entry[], placeholder: `corral-${name}-${mark}` },
      write: (value) => (scheme === 'bearer' ? `Bearer ${value}` : scheme === 'basic' ? basic(value) : value),
      value: () => readValue(setting),
    };
  });
  return {
    all,
    authority: egressAuthority(keys, now),
    env: Object.fromEntries(
      settings.flatMap(({ env: names }, at) => names.map((name) => [name, all[at]?.placeholder ?? ''])),
    ),
    readKeysFrom(use) {
      useKey = use;
    },
  };
}

const fileText = (file: string) => readFile(file, 'utf8').catch(() => undefined);

function missing(name: string, from: CredentialSetting['from']): AppError {
  const place =
    'env' in from ? `the variable ${from.env}` : 'file' in from ? `the file ${from.file}` : `the key of ${from.key}`;
  return new AppError(
    'invalid_request',
    `egress.credentials.${name}: ${place} has no value, or one that no header can carry. Set it, or remove the credential.`,
  );
}

/** Two values for one header of one host, or for one variable, would leave it to chance which is used. */
function refuseClashes(settings: readonly CredentialSetting[]): void {
  const taken = new Map<string, string>();
  for (const { name, hosts, header, env } of settings) {
    for (const place of [
      ...hosts.map((host) => `${header} of ${host.toLowerCase()}`),
      ...env.map((it) => `the variable ${it}`),
    ]) {
      const other = taken.get(place);
      if (other !== undefined) {
        throw new AppError('invalid_request', `egress.credentials: ${other} and ${name} both set ${place}. Keep one.`);
      }
      taken.set(place, name);
    }
  }
}
