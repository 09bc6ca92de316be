import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { readKeyMaterial } from '../../auth/keys/encryption-keys.ts';
import type { CredentialSetting } from '../../config/credentials.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type CredentialInjection, isValidHeaderValue, listInjectionTargets } from '../../core/model/credential.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { isFolderUrl, type SessionRepository } from '../../core/model/repository.ts';
import { isEgressRules } from '../../core/model/sandboxes/egress-choice.ts';
import type { SessionVaults } from '../../core/model/tool-server.ts';
import { Secret } from '../../core/text/secret.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../../sandboxes/egress/credentials/authority.ts';
import type { Credential } from '../../sandboxes/egress/credentials/credential.ts';
import {
  createGitRequestCheck,
  isUnderAnyPrefix,
  parseUrlTarget,
} from '../../sandboxes/egress/credentials/git-requests.ts';
import {
  anyHostEntry,
  includesEntry,
  matchesTarget,
  type PolicyEntry,
  parsePolicyEntry,
} from '../../sandboxes/egress/policy.ts';
import {
  type BoundCredentialStore,
  type CredentialWithHolder,
  serverHolderId,
  sessionVaultsOf,
} from '../../sessions/projects/credentials.ts';
import type { UnreachableCredential } from '../../sessions/run/missing-tools.ts';
import type { VaultVariable } from '../../sessions/vaults/credential-records.ts';
import type { Config } from '../settings/config.ts';

export interface ProxyCredentials {
  /**
   * Sorted by source: vaults, session, project, settings, server's store. The list is at most one second old while the
   * store responds. Never rejects.
   */
  of(session: SessionId): readonly Credential[] | Promise<readonly Credential[]>;
  readonly authority: CertificateAuthority;
  /** The variables of the credentials in the settings, with placeholders as values. */
  readonly env: Readonly<Record<string, string>>;
  /** The variables of all credentials that apply to the session, with placeholders as values. */
  readEnv(
    session: Pick<SessionRecord, 'id' | 'owner' | 'projectId' | 'agent'>,
  ): Promise<Readonly<Record<string, string>>>;
  findUnreached(
    session: Pick<SessionRecord, 'owner' | 'projectId' | 'agent' | 'sandbox'>,
  ): Promise<readonly UnreachableCredential[]>;
  /** Called once the store is open. */
  readFrom(stored: CredentialSources): void;
  changed(): void;
}
interface CredentialSources {
  readonly keys: (provider: string) => Promise<Secret | undefined>;
  readonly ring: Pick<BoundCredentialStore, 'inForce' | 'inForceFor' | 'value'>;
  readonly variables: (vaults: SessionVaults) => Promise<readonly VaultVariable[]>;
}
interface Options {
  readonly config: Pick<Config, 'egress' | 'keys' | 'dataDir'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly newKey: () => string;
  readonly now: () => number;
  readonly learn: (secret: Secret) => void;
}
type NamedPlaces = CredentialInjection & Pick<CredentialWithHolder, 'name' | 'uses'>;

const freshMs = 1_000;
const maxKnown = 10_000;

/** Rejects with invalid_request if two credentials clash, or if a value is missing or cannot be sent in a header. */
export async function openProxyCredentials({ config, env, newKey, now, learn }: Options): Promise<ProxyCredentials> {
  const settings = config.egress.credentials;
  let stored: CredentialSources | undefined;
  refuseClashes(settings);
  const keys = await readKeyMaterial({ config, file: 'egress-authority-key', newKey });
  const [first] = keys;
  const readValue = async ({ name, from }: CredentialSetting): Promise<Secret> => {
    const text =
      'env' in from
        ? env[from.env]
        : 'file' in from
          ? await fileText(from.file)
          : (await stored?.keys(from.key))?.reveal();
    const value = text?.trim() ?? '';
    if (!isValidHeaderValue(value)) throw missing(name, from);
    const secret = new Secret(value);
    learn(secret);
    return secret;
  };
  for (const setting of settings) if (!('key' in setting.from)) await readValue(setting);

  const placeholderFor = (name: string, label: string) => {
    const mark = createHmac('sha256', first?.reveal() ?? '').update(`credential ${label}`);
    return `corral-${name}-${mark.digest('hex').slice(0, 24)}`;
  };
  const ofVaults = async (vaults: SessionVaults): Promise<readonly Credential[]> =>
    ((await stored?.variables(vaults)) ?? []).map(({ id, secretName: name, hosts, places, value }) => ({
      name,
      hosts: (hosts?.map(parsePolicyEntry) as PolicyEntry[] | undefined) ?? [anyHostEntry],
      placeholder: placeholderFor(name, `vault:${id}`),
      value,
      replaces: places,
      header: '',
      write: (text) => text,
    }));
  const toCredential = (
    { name, hosts, header, scheme, user = 'x-access-token', git, paths, uses }: NamedPlaces,
    { label, value }: { label: string; value: () => Promise<Secret> },
  ): Credential => {
    const basic = (text: string) => `Basic ${Buffer.from(`${user}:${text}`).toString('base64')}`;
    return {
      name,
      header,
      hosts: hosts.map(parsePolicyEntry) as PolicyEntry[],
      ...(git && { isForGit: true }),
      ...(paths && !git && { admits: (_method, url) => isUnderAnyPrefix(url.split('?', 1)[0] ?? '', paths) }),
      placeholder: placeholderFor(name, label),
      value,
      write: (text) =>
        uses
          ? `${uses.before}${text}${uses.after}`
          : scheme === 'bearer'
            ? `Bearer ${text}`
            : scheme === 'basic'
              ? basic(text)
              : text,
    };
  };
  const ofServer = settings.map((setting) =>
    toCredential(setting, { label: setting.name, value: () => readValue(setting) }),
  );
  /** A git credential applies only to sessions with a repository at one of its hosts. */
  const forRepositories = (
    places: readonly NamedPlaces[],
    all: readonly Credential[],
    repositories: readonly SessionRepository[],
  ): Credential[] =>
    all.flatMap((one, at) => {
      const { git, paths } = places[at] as NamedPlaces;
      if (git === undefined) return [one];
      const admits = createGitRequestCheck({ git, paths }, repositories);
      const reaches = ({ url }: SessionRepository) =>
        !isFolderUrl(url) && one.hosts.some((host) => matchesTarget(host, parseUrlTarget(url)));
      return repositories.some(reaches) ? [{ ...one, admits }] : [];
    });
  const ofUsers = (found: Awaited<ReturnType<BoundCredentialStore['inForce']>>): Credential[] =>
    found.map((one) =>
      toCredential(one, {
        label: `${one.holder}:${one.name}`,
        value: async () => (await stored?.ring.value(one)) ?? Promise.reject(new Error('the store is not open')),
      }),
    );
  const envFrom = (named: readonly NamedPlaces[], all: readonly Credential[]) =>
    Object.fromEntries(named.flatMap(({ env }, at) => env.map((name) => [name, all[at]?.placeholder ?? ''])));
  const serverEnv = envFrom(settings, ofServer);

  const known = new Map<SessionId, { readonly at: number; readonly all: readonly Credential[] }>();
  async function read(session: SessionId): Promise<readonly Credential[]> {
    try {
      const none = { held: [], repositories: [], vaults: { ids: [], session: {} } };
      const { held, repositories, vaults } = (await stored?.ring.inForceFor(session)) ?? none;
      const [near, last] = byNearness(held);
      const all = [
        ...(await ofVaults(vaults)),
        ...forRepositories(near, ofUsers(near), repositories),
        ...forRepositories(settings, ofServer, repositories),
        ...forRepositories(last, ofUsers(last), repositories),
      ];
      const [oldest] = known.keys();
      if (known.size >= maxKnown && oldest !== undefined) known.delete(oldest);
      known.set(session, { at: now(), all });
      return all;
    } catch {
      // Which git credentials apply depends on the session's repositories, which only the store contains.
      return known.get(session)?.all ?? ofServer.filter(({ isForGit }) => !isForGit);
    }
  }
  return {
    of(session) {
      const found = known.get(session);
      return found && now() - found.at < freshMs ? found.all : read(session);
    },
    authority: createCertificateAuthority(keys, now),
    env: serverEnv,
    async findUnreached(session) {
      const chosen = session.sandbox?.egress;
      const vaults = sessionVaultsOf(session);
      if (chosen === undefined || isEgressRules(chosen) || vaults.ids.length === 0) return [];
      const reached = chosen.flatMap((text) => parsePolicyEntry(text) ?? []);
      const isReached = (text: string) =>
        reached.some((one) => includesEntry(one, parsePolicyEntry(text) ?? anyHostEntry));
      return ((await stored?.variables(vaults)) ?? []).flatMap(({ id, vaultId, secretName: name, hosts }) => {
        const host = hosts?.find((one) => !isReached(one));
        return host === undefined ? [] : [{ id, vaultId, name, host }];
      });
    },
    async readEnv(session) {
      const [near, last] = byNearness((await stored?.ring.inForce(session)) ?? []);
      const found = [...near].reverse(); // the most specific last, because later values override earlier ones
      const variables = (await ofVaults(sessionVaultsOf(session))).map(({ name, placeholder }) => [name, placeholder]);
      return {
        ...envFrom(last, ofUsers(last)),
        ...serverEnv,
        ...envFrom(found, ofUsers(found)),
        ...Object.fromEntries(variables),
      };
    },
    readFrom(from) {
      stored = from;
    },
    changed: () => known.clear(),
  };
}

function byNearness<Held extends { readonly holder: string }>(all: readonly Held[]): [near: Held[], last: Held[]] {
  const isLast = ({ holder }: Held) => holder === serverHolderId;
  return [all.filter((one) => !isLast(one)), all.filter(isLast)];
}

const fileText = (file: string) => readFile(file, 'utf8').catch(() => undefined);

function missing(name: string, from: CredentialSetting['from']): AppError {
  const place =
    'env' in from ? `the variable ${from.env}` : 'file' in from ? `the file ${from.file}` : `the key of ${from.key}`;
  return new AppError(
    'invalid_request',
    `egress.credentials.${name}: ${place} is empty, or contains characters that headers cannot carry. Set it, or remove the credential.`,
  );
}

function refuseClashes(settings: readonly CredentialSetting[]): void {
  const taken = new Map<string, string>();
  for (const setting of settings) {
    for (const place of listInjectionTargets(setting)) {
      const other = taken.get(place);
      if (other !== undefined) {
        const text = `egress.credentials: ${other} and ${setting.name} both set ${place}. Keep one.`;
        throw new AppError('invalid_request', text);
      }
      taken.set(place, setting.name);
    }
  }
}
