import { z } from 'zod';
import { openApiKeys } from '../../../auth/api-keys.ts';
import { createPrincipalResolver } from '../../../auth/key-ring.ts';
import { Memberships } from '../../../auth/memberships.ts';
import { readKeyPeppers } from '../../../auth/pepper.ts';
import { FederatedTokenVerifier } from '../../../auth/tokens/program-tokens.ts';
import { SigningKeys } from '../../../auth/tokens/signing-keys.ts';
import { runAtIntervals } from '../../../core/concurrency/rounds.ts';
import { recordWatchIntervalMs } from '../../../core/contracts/changed-records.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { Principal } from '../../../core/model/principal.ts';
import { permitsAction } from '../../../sessions/access/authorize.ts';
import type { MemberDirectory } from '../../../sessions/projects/projects.ts';
import { hasIdentityProxy } from '../../settings/contradictions.ts';
import type { ServerWithEngine } from '../engine.ts';
import { runInBackground } from '../startup.ts';
import { openSignInServices } from './sign-ins.ts';

const isAddress = (text: string): boolean => z.email().safeParse(text).success;

export async function openAuthServices(server: ServerWithEngine) {
  const { config, clock, ids, closing, records, shared, warn } = server;
  // Without isolation, sandboxes cannot keep owners apart.
  const onlyOne = server.driver.capabilities.isolation === 'none';
  const hasProvider = config.oidc.issuer !== undefined || hasIdentityProxy(config);
  if (hasProvider && onlyOne) {
    throw new AppError(
      'invalid_request',
      "CORRAL_OIDC_ISSUER or CORRAL_IDENTITY_PROXY_SUBJECT_HEADER lets several people sign in, but sandboxes have no isolation here, so they could read each other's files. Install bubblewrap or start Docker.",
    );
  }
  await using stack = new AsyncDisposableStack();
  const signIns = hasProvider ? stack.use(await openSignInServices(server)) : undefined;
  const { issuers, audience } = config.programs;
  const now = () => clock.now();
  const memberships = new Memberships(records);
  await memberships.load();
  const keys = stack.use(
    await openApiKeys({
      ...server,
      hasToken: config.token !== undefined || hasProvider,
      onlyOne,
      peppers: () => readKeyPeppers(config, () => ids.token()),
      personOf(key) {
        const person = signIns?.confirmed(key);
        return person && memberships.within(person);
      },
      hasProject: memberships.has,
      issuers,
    }),
  );
  const follow = (work: () => Promise<void>, failure: string) => {
    const options = { everyMs: recordWatchIntervalMs, clock, onError: (err: unknown) => warn({ err }, failure) };
    stack.use(runInBackground(closing, (signal) => runAtIntervals(work, options, signal)));
  };
  const failure = 'the members of projects could not be read from the store; trying again';
  if (shared) follow(() => memberships.load(), failure);
  const signers = issuers.map(
    (issuer) => [issuer, new SigningKeys({ name: issuer, from: { issuer }, now, warn })] as const,
  );
  const accepted = { issuers: new Map(signers), audience: audience ?? '', now, accounts: keys.trusted, warn };
  const tokens = issuers.length > 0 ? new FederatedTokenVerifier(accepted) : undefined;
  if (tokens) follow(() => tokens.look(), 'the tokens of programs could not be checked; trying again');
  const ring = createPrincipalResolver(keys, { signIns, tokens, within: memberships.within });
  const namesOfPeople = () =>
    (signIns?.people.list() ?? []).map(({ key, owner, name, email }) => ({ key, owner, name: name ?? email ?? key }));
  const people = async () =>
    new Map([
      ...namesOfPeople().flatMap(({ key, owner, name }) => [[key, name] as const, [owner, name] as const]),
      ...(await keys.list()).map(({ id, name }) => [id, name] as const),
    ]);
  async function findPerson(id: string): Promise<string> {
    const found = signIns?.people.byKey(id)?.key ?? (await keys.list()).find((key) => key.id === id)?.owner;
    if (found !== undefined) return found;
    throw new AppError(
      'not_found',
      'There is no person or key with this ID. People find their ID in Settings, Account.',
      { field: 'member' },
    );
  }
  async function findMember({ of, id, issuer: named }: Parameters<MemberDirectory['find']>[0]) {
    if (of === 'group') {
      const { issuers = [] } = signIns ?? {};
      const found = named === undefined ? issuers[0] : issuers.find((one) => [one.id, one.issuer].includes(named));
      if (!found)
        throw new AppError('not_found', 'There is no such identity provider, so nobody can belong to its groups.', {
          field: 'of',
        });
      return { of, id, issuer: found.issuer };
    }
    // The caller must not learn whether a person with this address has signed in.
    return { of, id: signIns && isAddress(id) ? id.toLowerCase() : await findPerson(id) };
  }
  const held = stack.move();
  return {
    directory: { find: findMember, findPerson, names: people, changed: memberships.changed } satisfies MemberDirectory,
    keys,
    signIns,
    tokens,
    people,
    owners: async () =>
      new Map([
        ...ring.principals().flatMap(({ owner }) => (owner ? [[owner, ''] as const] : [])),
        ...(await people()),
      ]),
    isPerson: (owner: string) => signIns?.people.list().some((person) => person.owner === owner) ?? false,
    memberships,
    workingOwner: (owner: string, projectId?: string | null): Principal | undefined =>
      ring.principals().find((one) => {
        const isOwner = one.owner === owner || one.person === owner;
        return isOwner && permitsAction(one, 'work', { owner: one.owner, projectId });
      }),
    [Symbol.asyncDispose]: (): PromiseLike<void> => held.disposeAsync(),
  };
}
