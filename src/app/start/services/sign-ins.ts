import { readFile } from 'node:fs/promises';
import { readKeyMaterial } from '../../../auth/keys/encryption-keys.ts';
import { readKeyPeppers } from '../../../auth/pepper.ts';
import type { IssuerSettings } from '../../../auth/sign-in/claims.ts';
import { DeviceRegistry } from '../../../auth/sign-in/devices.ts';
import { Issuer } from '../../../auth/sign-in/issuer.ts';
import { PersonRegistry } from '../../../auth/sign-in/people.ts';
import { type PersonEvent, SignInFlow } from '../../../auth/sign-in/sign-in.ts';
import { createSecretSealer } from '../../../auth/vault.ts';
import { runAtIntervals } from '../../../core/concurrency/rounds.ts';
import { recordWatchIntervalMs } from '../../../core/contracts/changed-records.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { Principal } from '../../../core/model/principal.ts';
import { Secret } from '../../../core/text/secret.ts';
import { proxyIssuer } from '../../../http/guard/identity-proxy.ts';
import { hasIdentityProxy } from '../../settings/contradictions.ts';
import type { Config } from '../../settings/schema.ts';
import { runInBackground, type StartupContext } from '../startup.ts';
import type { StorageServices } from '../storage.ts';

const hourMs = 3_600_000;

export interface SignInServices extends AsyncDisposable {
  readonly people: PersonRegistry;
  readonly devices: DeviceRegistry;
  readonly signIn: SignInFlow;
  /** The main provider comes first. */
  readonly issuers: readonly Pick<IssuerSettings, 'id' | 'issuer'>[];
  /** Undefined if the person's access has lapsed, or the person has not been seen for longer than a sign-in lasts. */
  readonly confirmed: (key: string) => Principal | undefined;
  readonly pageUrl: string | undefined;
  readonly seconds: number;
  onEvent: (event: PersonEvent) => void;
}

export async function openSignInServices(
  server: StartupContext & Pick<StorageServices, 'records' | 'shared'>,
): Promise<SignInServices> {
  const { config, clock, ids, closing, warn } = server;
  const { pageUrl, sessionHours, idleHours, offlineHours, checkSeconds } = config.oidc;
  const newKey = () => ids.token();
  const now = () => clock.now();
  const issuers = (await readIssuers(server)).map((settings) => new Issuer(settings, now));
  await using stack = new AsyncDisposableStack();
  const used = new Set([
    ...issuers.map(({ settings }) => settings.issuer),
    ...(hasIdentityProxy(config) ? [proxyIssuer] : []),
  ]);
  const people = new PersonRegistry({ ...server, issuers: used });
  const limits = {
    absoluteMs: sessionHours * hourMs,
    idleMs: idleHours * hourMs,
    uncheckedMs: offlineHours * hourMs,
  };
  const devices = new DeviceRegistry({ ...server, people, limits, peppers: await readKeyPeppers(config, newKey) });
  await devices.load();
  const failed = (err: unknown) =>
    warn({ err }, 'the people who signed in could not be read from the store; trying again');
  const follow = { everyMs: recordWatchIntervalMs, clock, onError: failed };
  stack.use(runInBackground(closing, (signal) => runAtIntervals(() => devices.look(), follow, signal)));
  const signIn = new SignInFlow({
    issuers,
    people,
    devices,
    vault: createSecretSealer(await readKeyMaterial({ config, file: 'sign-in-key', newKey })),
    clock,
    checkMs: checkSeconds * 1_000,
    idleCheckMs: (offlineHours * hourMs) / 4,
    tell: (event) => opened.onEvent(event),
    warn,
  });
  stack.use(runInBackground(closing, (signal) => signIn.run(signal)));
  const held = stack.move();
  const opened: SignInServices = {
    people,
    devices,
    signIn,
    issuers: [
      ...issuers.map(({ settings }) => settings),
      ...(hasIdentityProxy(config) ? [{ id: 'proxy', issuer: proxyIssuer }] : []),
    ],
    confirmed(key) {
      const { lastSeenAt = 0, hasLapsed = true } = people.byKey(key) ?? {};
      return hasLapsed || now() - lastSeenAt >= limits.absoluteMs ? undefined : people.live(key);
    },
    pageUrl,
    seconds: sessionHours * 3_600,
    onEvent: () => {},
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
  return opened;
}

async function readIssuers({
  config: { oidc },
  learn,
}: Pick<StartupContext, 'config' | 'learn'>): Promise<IssuerSettings[]> {
  const resolveSecret = async (secret: Secret | undefined, file: string | undefined) => {
    const found = secret ?? (file === undefined ? undefined : new Secret((await readSecret(file)).trim()));
    if (found) learn(found);
    return found?.reveal();
  };
  const { issuer, clientId, clientSecret, clientSecretFile, name, scopes, groupsClaim, roles, allowedDomains, admin } =
    oidc;
  if (issuer === undefined || clientId === undefined) return [];
  const main: IssuerSettings = {
    ...{
      id: 'main',
      name: name ?? new URL(issuer).hostname,
      issuer: rooted(issuer),
      clientId,
      scopes,
      groupsClaim,
      roles,
    },
    ...{ allowedDomains, admin, clientSecret: await resolveSecret(clientSecret, clientSecretFile) },
  };
  const others = Object.entries(oidc.others).map(
    async ([id, one]: [string, Config['oidc']['others'][string]]): Promise<IssuerSettings> => ({
      id,
      name: one.name ?? new URL(one.issuer).hostname,
      issuer: rooted(one.issuer),
      clientId: one['client-id'],
      clientSecret: await resolveSecret(one['client-secret'], one['client-secret-file']),
      scopes: one.scopes,
      groupsClaim: one['groups-claim'],
      roles: one.roles,
      allowedDomains: one['allowed-domains'],
      admin: one.admin,
    }),
  );
  return [main, ...(await Promise.all(others))];
}

/** An issuer without a path is the same with or without a trailing slash. */
const rooted = (issuer: string): string => (new URL(issuer).pathname === '/' ? new URL(issuer).origin : issuer);

async function readSecret(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new AppError(
      'invalid_request',
      `The secret of this server at its identity provider cannot be read: ${file} (${cause.code}). Check CORRAL_OIDC_CLIENT_SECRET_FILE.`,
      { cause },
    );
  });
}
