import { createHash } from 'node:crypto';
import { z } from 'zod';
import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { SealedValue, type SecretSealer } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import { parseJson } from '../../core/text/json.ts';
import { resolveRole } from './claims.ts';
import type { Device, DeviceRegistry } from './devices.ts';
import { createSignInChecks, DeviceTokens, InvalidIdTokenError, type Issuer, type SignInChecks } from './issuer.ts';
import type { Person, PersonRegistry } from './people.ts';

// A sign-in's sealed state is kept only in the browser, so no other browser can complete the sign-in, and strangers
// cannot fill the store.

export type SignInRefusalReason = 'stale' | 'denied' | 'not-admitted' | 'disabled' | 'away' | 'failed';
export class SignInRefusedError extends Error {
  readonly reason: SignInRefusalReason;
  readonly returnTo: string;
  constructor(reason: SignInRefusalReason, { returnTo = '/', cause }: { returnTo?: string; cause?: unknown } = {}) {
    super(`the sign-in was refused: ${reason}`, { cause });
    this.reason = reason;
    this.returnTo = returnTo;
  }
}

const Beginning = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  until: z.number(),
});
/** Only the approved command line knows the challenge's verifier. */
const Approval = z.object({ device: z.string(), challenge: z.string(), agent: z.string(), until: z.number() });
export const signInTimeoutSeconds = 600;
const approvalMs = 120_000;
const maxReturnTo = 1_000;
const checkAtOnce = 8;
const claimMs = 60_000;
const inUseMs = 60_000;
const logoutSkewMs = 60_000;

interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly issuers: readonly Issuer[];
  readonly people: PersonRegistry;
  readonly devices: DeviceRegistry;
  readonly vault: SecretSealer;
  readonly checkMs: number;
  readonly idleCheckMs: number;
  readonly tell: (event: PersonEvent) => void;
}
export interface PersonEvent {
  readonly action: 'person.sign-in' | 'person.sign-out' | 'person.end';
  readonly person: Person | undefined;
  readonly outcome: string;
}

interface Visit {
  readonly base: string;
}

/** Returns `/` for a path that a browser could interpret as another origin. */
export function toSameOriginPath(text: string | undefined, base: string): string {
  if (text === undefined || text.length > maxReturnTo || !/^\/(?![/\\])[^\p{Cc}\\]*$/u.test(text)) return '/';
  if (!URL.canParse(text, base)) return '/';
  const url = new URL(text, base);
  // Resolving dot segments may leave a leading `//`, which a browser treats as another host.
  if (url.origin !== new URL(base).origin || url.pathname.startsWith('//')) return '/';
  return url.pathname + url.search + url.hash;
}

export class SignInFlow {
  readonly #deps: Deps;
  readonly #issuers: ReadonlyMap<string, Issuer>;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#issuers = new Map(deps.issuers.map((issuer) => [issuer.settings.id, issuer]));
  }

  get providers(): readonly { readonly id: string; readonly name: string }[] {
    return [...this.#issuers.values()].map(({ settings: { id, name } }) => ({ id, name }));
  }

  /** Resolves with the redirect address and the sealed state. Rejects with not_found or provider_error. */
  async begin(provider: string, { base, returnTo }: Visit & { returnTo: string | undefined }) {
    const issuer = this.#issuer(provider);
    const challenge = createSignInChecks();
    const location = await issuer.begin(callbackOf(base, provider), challenge);
    const until = this.#deps.clock.now() + signInTimeoutSeconds * 1_000;
    return {
      location,
      login: this.#seal(provider, { ...challenge, returnTo: toSameOriginPath(returnTo, base), until }),
    };
  }

  /** Rejects with SignInRefusedError, not_found (no such provider), or quota (too many people). */
  async finish(provider: string, visit: Visit & { search: string; login: string | undefined; agent: string }) {
    const issuer = this.#issuer(provider);
    const { base, search, login, agent } = visit;
    const beginning = this.#open(provider, login);
    const { returnTo } = beginning;
    const refuse = (reason: SignInRefusalReason, cause?: unknown) =>
      new SignInRefusedError(reason, { returnTo, cause });
    const query = new URLSearchParams(search);
    if (query.get('state') !== beginning.state) throw refuse('stale');
    if (query.has('error'))
      throw refuse(query.get('error') === 'access_denied' ? 'denied' : 'failed', query.get('error'));
    const answer = new URL(`${callbackOf(base, provider)}${search}`);
    const found = await issuer.finish(answer, beginning).catch((cause: unknown) => {
      throw refuse(cause instanceof InvalidIdTokenError ? 'failed' : 'away', cause);
    });
    const { people, devices, tell } = this.#deps;
    const role = resolveRole(found.identity, issuer.settings);
    if (role === undefined) {
      tell({ action: 'person.sign-in', person: undefined, outcome: 'forbidden' });
      throw refuse('not-admitted');
    }
    const person = await people.meet(issuer.settings.issuer, found.identity, role);
    if (person.disabled) {
      tell({ action: 'person.sign-in', person, outcome: 'forbidden' });
      throw refuse('disabled');
    }
    const { sid, tokens } = found;
    const seal = (id: string) => this.#deps.vault.seal(JSON.stringify(tokens), placeOf(id));
    const made = await devices.enter(person, {
      ...{ kind: 'browser', agent, sid },
      ...{ refreshes: tokens.refresh !== undefined, seal },
    });
    tell({ action: 'person.sign-in', person, outcome: 'done' });
    return { returnTo, ...made };
  }

  /** Throws forbidden if the caller is not a browser. */
  allowCommand(device: string | undefined, { challenge, agent }: { challenge: string; agent: string }): string {
    const { devices, clock, vault } = this.#deps;
    const found = device === undefined ? undefined : devices.get(device);
    if (found?.kind !== 'browser')
      throw new AppError('forbidden', 'Only a person who is signed in on the page can allow a command.');
    const approval: z.infer<typeof Approval> = { device: found.id, challenge, agent, until: clock.now() + approvalMs };
    const sealed = vault.seal(JSON.stringify(approval), approvalPlace);
    return Buffer.from(JSON.stringify(sealed)).toString('base64url');
  }

  /** Rejects with invalid_request if the code or the verifier is not valid. */
  async enterCommand({ code, verifier }: { code: string; verifier: string }) {
    const { people, devices, clock, tell } = this.#deps;
    const approval = this.#approval(code);
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const browser = approval && devices.list().find(({ id }) => id === approval.device);
    const person = browser && people.byId(browser.person);
    if (!approval || !person || approval.challenge !== challenge || approval.until <= clock.now())
      throw new AppError('invalid_request', 'This code is not valid. Run corral login again.');
    const { agent, device: parent } = approval;
    const device = { kind: 'command', agent, parent, sid: null, refreshes: false, seal: () => null } as const;
    const { secret } = await devices.enter(person, device);
    tell({ action: 'person.sign-in', person, outcome: 'done' });
    return { token: secret, name: person.name ?? person.email ?? person.key };
  }
  #approval(code: string): z.infer<typeof Approval> | undefined {
    try {
      const sealed = SealedValue.parse(jsonOf(Buffer.from(code, 'base64url').toString()));
      return Approval.parse(jsonOf(this.#deps.vault.open(sealed, approvalPlace)));
    } catch {
      return undefined;
    }
  }

  /** Resolves with the provider's sign-out address, or undefined if there is none. */
  async leave(device: string, { base }: Visit): Promise<string | undefined> {
    const { people, devices, tell } = this.#deps;
    const found = devices.get(device);
    if (!found) return undefined;
    const person = people.byId(found.person);
    const tokens = this.#openTokens(found);
    await devices.end(device);
    tell({ action: 'person.sign-out', person, outcome: 'done' });
    const issuer = this.#issuerOf(person);
    return tokens && (await issuer?.end(tokens.idToken, `${base}/`));
  }

  /** Rejects with invalid_request (the token is not valid), not_found (no such provider), or provider_error. */
  async endedAtProvider(provider: string, token: string): Promise<void> {
    const { people, devices, tell } = this.#deps;
    const issuer = this.#issuer(provider);
    const { subject, sid, atMs } = await issuer.readLogout(token).catch((cause: unknown) => {
      if (cause instanceof AppError) throw cause;
      throw new AppError('invalid_request', 'The logout token is not valid.', { cause });
    });
    await devices.load();
    for (const device of devices.list()) {
      const person = people.byId(device.person);
      if (person?.issuer !== issuer.settings.issuer) continue;
      if (subject !== undefined && person.subject !== subject) continue;
      if (sid !== undefined && device.sid !== sid) continue;
      if (device.createdAt > atMs + logoutSkewMs) continue; // a replayed token must not end a later sign-in
      await devices.end(device.id);
      tell({ action: 'person.end', person, outcome: 'done' });
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, checkMs, warn } = this.#deps;
    const onError = (err: unknown) => warn({ err }, 'people could not be checked; trying again');
    await runAtIntervals(() => this.check(), { everyMs: Math.min(2_000, checkMs), clock, onError }, signal);
  }

  async check(): Promise<void> {
    const { devices, clock, checkMs, idleCheckMs } = this.#deps;
    const now = clock.now();
    const due = devices
      .list()
      .filter((device) => {
        const { refreshes, checkedAt, claimedUntil } = device;
        const everyMs = now - devices.atWorkAt(device) < inUseMs ? checkMs : idleCheckMs;
        return refreshes && now - checkedAt >= everyMs && claimedUntil <= now;
      })
      .map(({ id }) => id);
    const worker = async () => {
      for (let id = due.shift(); id !== undefined; id = due.shift()) await this.#checkOne(id);
    };
    await Promise.all(Array.from({ length: checkAtOnce }, worker));
  }

  async #checkOne(id: string): Promise<void> {
    const { people, devices, checkMs, tell, warn, vault } = this.#deps;
    const device = await devices.claim(id, { everyMs: checkMs, forMs: claimMs });
    const person = device && people.byId(device.person);
    const issuer = this.#issuerOf(person);
    if (!device || !person || !issuer) return;
    const tokens = this.#openTokens(device);
    const refreshed = tokens && (await issuer.refresh(person.subject, tokens));
    if (refreshed?.state === 'away') {
      warn({ err: refreshed.cause, provider: issuer.settings.id }, 'an identity provider does not answer');
      return;
    }
    if (refreshed?.state !== 'here') {
      await devices.end(id);
      await people.lapse(person.id);
      tell({ action: 'person.end', person, outcome: 'done' });
      return;
    }
    const { identity, keepsGroups, tokens: next } = refreshed;
    const current = keepsGroups ? { ...identity, groups: person.groups } : identity;
    const role = resolveRole(current, issuer.settings);
    await people.meet(issuer.settings.issuer, current, role ?? null);
    if (role !== undefined) {
      await devices.confirm(id, vault.seal(JSON.stringify(next), placeOf(id)));
      return;
    }
    for (const one of devices.all(person.id)) await devices.end(one.id);
    tell({ action: 'person.end', person, outcome: 'done' });
  }

  #issuer(provider: string): Issuer {
    const issuer = this.#issuers.get(provider);
    if (!issuer) throw new AppError('not_found', 'This server has no such provider for sign-ins.');
    return issuer;
  }
  #issuerOf = (person: Person | undefined): Issuer | undefined =>
    this.#deps.issuers.find(({ settings }) => settings.issuer === person?.issuer);

  #openTokens({ id, tokens }: Device): DeviceTokens | undefined {
    if (tokens === null) return undefined;
    try {
      return DeviceTokens.parse(jsonOf(this.#deps.vault.open(tokens, placeOf(id))));
    } catch (err) {
      this.#deps.warn({ err, device: id }, "a device's tokens cannot be opened; the person has to sign in again");
      return undefined;
    }
  }

  #seal(provider: string, beginning: SignInChecks & z.infer<typeof Beginning>): string {
    const sealed = this.#deps.vault.seal(JSON.stringify(beginning), loginPlace(provider));
    return `${loginForm}${Buffer.from(JSON.stringify(sealed)).toString('base64url')}`;
  }
  #open(provider: string, login: string | undefined): z.infer<typeof Beginning> {
    try {
      if (!login?.startsWith(loginForm)) throw new SignInRefusedError('stale');
      const json = Buffer.from(login.slice(loginForm.length), 'base64url').toString();
      const sealed = SealedValue.parse(jsonOf(json));
      const beginning = Beginning.parse(jsonOf(this.#deps.vault.open(sealed, loginPlace(provider))));
      if (beginning.until <= this.#deps.clock.now()) throw new SignInRefusedError('stale', beginning);
      return beginning;
    } catch (cause) {
      throw cause instanceof SignInRefusedError ? cause : new SignInRefusedError('stale', { cause });
    }
  }
}

function jsonOf(text: string): unknown {
  const parsed = parseJson(text, { maxBytes: 65_536, maxDepth: 4, maxValues: 20 });
  return parsed.ok ? parsed.value : undefined;
}

/** Shaped like a Corral credential, so that no proxy to a sandbox forwards it. */
const loginForm = 'crll_0_';
const loginPlace = (provider: string) => ({ collection: 'sign-in', id: provider, field: 'login' });
const approvalPlace = { collection: 'sign-in', id: 'command', field: 'approval' };
const placeOf = (id: string) => ({ collection: 'device', id, field: 'tokens' });
const callbackOf = (base: string, provider: string) => `${base}/sign-in/${provider}/callback`;
