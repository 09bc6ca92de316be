import { z } from 'zod';
import { type Role, roles } from '../../core/model/principal.ts';

/** One provider's rules never apply to another provider's people. */
export interface IssuerSettings {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  readonly scopes: readonly string[];
  readonly groupsClaim: string;
  /** `*` means everyone. A person gets the highest role that applies. */
  readonly roles: Readonly<Record<string, Role>>;
  /** Sign-in requires a verified e-mail address in one of these domains. Empty: no restriction. */
  readonly allowedDomains: readonly string[];
  /** The verified e-mail address or the subject of the first administrator. */
  readonly admin?: string | undefined;
}

export interface ProviderIdentity {
  readonly subject: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly isVerified: boolean;
  readonly picture: string | null;
  readonly groups: readonly string[];
}

const maxGroups = 1_000;
const short = (max: number) =>
  z
    .string()
    .transform((text) => text.slice(0, max))
    .nullable()
    .catch(null)
    .default(null);
const Claims = z.object({
  sub: z.string().min(1).max(255),
  name: short(200),
  preferred_username: short(200),
  email: z.email().max(320).nullable().catch(null).default(null),
  email_verified: z.unknown().optional(),
  picture: z.url().max(2_048).nullable().catch(null).default(null),
});
const Groups = z.union([z.array(z.string().max(256)).max(maxGroups), z.string().transform((one) => [one])]).catch([]);

export function readClaim(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, key)
          ? (value as Readonly<Record<string, unknown>>)[key]
          : undefined,
      claims,
    );
}

/** Throws for claims without a subject. */
export function toProviderIdentity(
  claims: Readonly<Record<string, unknown>>,
  { groupsClaim }: Pick<IssuerSettings, 'groupsClaim'>,
): ProviderIdentity {
  const { sub, name, preferred_username, email, email_verified, picture } = Claims.parse(claims);
  return {
    subject: sub,
    name: name ?? preferred_username,
    email,
    isVerified: email !== null && email_verified === true,
    picture,
    groups: Groups.parse(readClaim(claims, groupsClaim)),
  };
}

export type SignInRules = Pick<IssuerSettings, 'roles' | 'allowedDomains' | 'admin'>;

export function resolveRole(
  identity: ProviderIdentity,
  { roles: table, allowedDomains, admin }: SignInRules,
): Role | undefined {
  const email = identity.isVerified ? (identity.email?.toLowerCase() ?? '') : '';
  const domain = email.slice(email.lastIndexOf('@') + 1);
  if (allowedDomains.length > 0 && !allowedDomains.some((one) => one.toLowerCase() === domain)) return undefined;
  if (admin !== undefined && (identity.subject === admin || (email !== '' && email === admin.toLowerCase())))
    return 'admin';
  const granted = ['*', ...identity.groups].flatMap((group) =>
    Object.hasOwn(table, group) ? (table[group] as Role) : [],
  );
  return roles.findLast((role) => granted.includes(role));
}
