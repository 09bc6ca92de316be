// Over https, only `__Host-` cookies are read: no other host can set them.

const names = { session: 'corral_session', login: 'corral_login' } as const;
export type CookieName = keyof typeof names;

const nameOf = (name: CookieName, isSecure: boolean) => `${isSecure ? '__Host-' : ''}${names[name]}`;

export function readCookie(header: string | undefined, name: CookieName, isSecure: boolean): string | undefined {
  const prefix = `${nameOf(name, isSecure)}=`;
  const found = (header ?? '').split(/;\s*/).filter((pair) => pair.startsWith(prefix));
  // If two cookies have this name, somebody else set one of them.
  return found.length === 1 ? found[0]?.slice(prefix.length) : undefined;
}

export function formatSetCookie(name: CookieName, { value, seconds, isSecure }: NewCookie): string {
  const life = value === undefined ? 0 : Math.max(1, Math.floor(seconds ?? 0));
  const parts = [`${nameOf(name, isSecure)}=${value ?? ''}`, 'Path=/', `Max-Age=${life}`, 'HttpOnly', 'SameSite=Lax'];
  return [...parts, ...(isSecure ? ['Secure'] : [])].join('; ');
}
interface NewCookie {
  readonly value?: string | undefined;
  readonly seconds?: number;
  readonly isSecure: boolean;
}
