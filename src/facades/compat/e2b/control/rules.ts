import { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';
import { type CredentialInjection, credentialFields, listInjectionTargets } from '../../../../core/model/credential.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import { Secret } from '../../../../core/text/secret.ts';
import type { BoundCredential, SecretReference } from '../../../../sessions/api/credentials.ts';
import type { Services } from '../../../../sessions/api/services.ts';

export const HeaderRulesInput = z.record(
  z.string().max(300),
  z
    .array(
      z.object({
        transform: z.object({ headers: z.record(z.string().max(100), z.string().max(8_192)).nullish() }).nullish(),
      }),
    )
    .max(20),
);
type HeaderRulesInput = z.output<typeof HeaderRulesInput>;

interface HeaderRule {
  readonly credential: CredentialInjection & { readonly name: string };
  readonly from: SecretReference | Secret;
}
const Host = credentialFields.hosts.element;
const Header = credentialFields.header.unwrap();
const maxRules = 40;
const named = 'e2b-rule-';
const placeholder = /\$\{e2b\.([^}]*)\}/g;

/** Rejects: invalid_request (the proxy cannot apply a rule, or a rule names a secret that the caller does not have). */
export async function toHeaderRules(
  rules: HeaderRulesInput | null | undefined,
  { secrets }: Pick<Services, 'secrets'>,
): Promise<readonly HeaderRule[]> {
  const found: HeaderRule[] = [];
  for (const [host, ofHost] of Object.entries(rules ?? {})) {
    if (!Host.safeParse(host).success || /:\d+$/.test(host)) throw bad(host, 'is no host name, or *.name');
    const headers = new Map(
      ofHost
        .flatMap(({ transform }) => Object.entries(transform?.headers ?? {}))
        .map(([name, text]) => [name.toLowerCase(), text]),
    );
    for (const [name, text] of headers) {
      const header = Header.safeParse(name);
      if (!header.success) throw bad(`${host}: the header ${name}`, 'cannot be set by a rule');
      const credential = { name: `${named}${found.length}`, hosts: [host.toLowerCase()], header: header.data, env: [] };
      found.push({ credential, from: await resolveSource(text, { secrets, at: `${host}: the header ${name}` }) });
    }
  }
  if (found.length > maxRules) throw bad('', `have ${found.length} headers, and ${maxRules} are allowed`);
  refuseOverlaps(found);
  return found;
}

async function resolveSource(
  text: string,
  { secrets, at }: Pick<Services, 'secrets'> & { readonly at: string },
): Promise<SecretReference | Secret> {
  const uses = [...text.matchAll(placeholder)];
  const [use] = uses;
  if (!use) {
    // The egress proxy cuts off responses that contain the value, and a short value can occur in them by chance.
    if (text.length < 8) throw bad(at, 'needs a value of 8 characters or more, or one of a secret');
    return new Secret(text);
  }
  const name = /^secrets\.(.+)$/.exec(use[1] ?? '')?.[1];
  if (uses.length > 1 || name === undefined)
    throw bad(at, 'can have the value of one secret, and no other placeholder');
  const { id } = await secrets.find(name).catch((thrown: unknown) => {
    if (thrown instanceof AppError && thrown.code === 'not_found')
      throw bad(at, `names a secret ${name} that is not there`);
    throw thrown;
  });
  return { secret: id, before: text.slice(0, use.index), after: text.slice(use.index + use[0].length) };
}

/** Throws if overlapping host rules set the same header. */
function refuseOverlaps(rules: readonly HeaderRule[]): void {
  for (const { credential: one } of rules) {
    const [host = ''] = one.hosts;
    if (!host.startsWith('*.')) continue;
    const other = rules.find(
      ({ credential }) =>
        credential !== one && credential.header === one.header && (credential.hosts[0] ?? '').endsWith(host.slice(1)),
    );
    if (other) throw bad(`${host} and ${other.credential.hosts[0]}`, `both set the header ${one.header}; keep one`);
  }
}

/** Rejects: conflict (another kind of credential already sets the header). */
export async function replaceHeaderRules(
  id: SessionId,
  rules: readonly HeaderRule[],
  { sessionCredentials }: Pick<Services, 'sessionCredentials'>,
): Promise<void> {
  const before = await sessionCredentials.list(id);
  const places = new Set(rules.flatMap(({ credential }) => listInjectionTargets(credential)));
  for (const other of before) {
    const taken = other.name.startsWith(named)
      ? undefined
      : listInjectionTargets(other).find((place) => places.has(place));
    if (taken) throw new AppError('conflict', `The credential '${other.name}' sets ${taken} already. Revoke it first.`);
  }
  for (const { name } of before) if (name.startsWith(named)) await sessionCredentials.revoke(id, name);
  for (const { credential, from } of rules) {
    if (from instanceof Secret) await sessionCredentials.put(id, credential, from);
    else await sessionCredentials.bind(id, credential, from);
  }
}

/** Plain-text values are never returned. */
export function toHeaderRulesView(credentials: readonly BoundCredential[]): Record<string, object[]> {
  const byHost: Record<string, object[]> = {};
  for (const { name, hosts, header, uses } of credentials) {
    if (!name.startsWith(named)) continue;
    const text = uses ? `${uses.before}\${e2b.secrets.${uses.secret}}${uses.after}` : '***';
    for (const host of hosts) byHost[host] = [{ transform: { headers: { [header]: text } } }, ...(byHost[host] ?? [])];
  }
  return byHost;
}

const bad = (what: string, why: string) =>
  new AppError('invalid_request', `network.rules${what && ` of ${what}`} ${why}.`);
