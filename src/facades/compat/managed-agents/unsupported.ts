/** An area of the API that this server does not have. */
export interface UnsupportedArea {
  readonly name: string;
  /** `B`: it may come. `C`: it belongs to a hosted service. */
  readonly tier: 'B' | 'C';
  /** The beginnings of its paths. */
  readonly paths: readonly string[];
}
export const unsupportedAreas: readonly UnsupportedArea[] = [
  { name: 'tunnels', tier: 'C', paths: ['/v1/tunnels'] },
  { name: 'dreams', tier: 'C', paths: ['/v1/dreams'] },
  { name: 'user profiles', tier: 'C', paths: ['/v1/user_profiles'] },
  { name: 'the administration of an organization', tier: 'C', paths: ['/v1/organizations', '/v1/organization'] },
  { name: 'messages', tier: 'C', paths: ['/v1/messages', '/v1/complete'] },
];

/** The area of a path that no route has; undefined: there is no such path. */
export function areaOf(path: string): UnsupportedArea | undefined {
  const given = path.split('/');
  const begins = (begin: string) => begin.split('/').every((part, n) => part === '*' || part === given[n]);
  return unsupportedAreas.find(({ paths }) => paths.some(begins));
}
