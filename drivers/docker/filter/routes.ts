import { workspacePath } from '../workspace-owner.ts';

interface OwnedRoute {
  readonly kind: 'own';
  readonly what: 'containers' | 'volumes';
  readonly id: string;
  readonly newName?: string;
  readonly starts?: true;
}

export type RouteDecision =
  | { readonly kind: 'pass' }
  /** Allowed only if the query filters by the installation's own label. */
  | { readonly kind: 'labelled-list' }
  /** Allowed only if the container or volume has the installation's label. */
  | OwnedRoute
  | { readonly kind: 'give-workspace'; readonly id: string }
  | { readonly kind: 'create'; readonly name: string }
  | { readonly kind: 'create-volume' }
  | { readonly kind: 'make-folder' | 'remove-folder'; readonly id: string }
  | { readonly kind: 'refuse'; readonly why: string };

const name = '([A-Za-z0-9][A-Za-z0-9_.-]*)';
const pass: RouteDecision = { kind: 'pass' };
const list: RouteDecision = { kind: 'labelled-list' };
const own = (what: 'containers' | 'volumes') => (id: string, query: URLSearchParams) => {
  const newName = query.get('name');
  return { kind: 'own' as const, what, id, ...(newName !== null && { newName }) };
};
const container = own('containers');
const sandbox = '(sbx-[0-9a-f]{16})';

const table: readonly [
  method: string,
  path: RegExp,
  verdict: (match: string, query: URLSearchParams) => RouteDecision,
][] = [
  ['GET', /^\/_ping$/, () => pass],
  ['HEAD', /^\/_ping$/, () => pass],
  ['GET', /^\/version$/, () => pass],
  ['GET', /^\/info$/, () => pass],
  ['GET', /^\/events$/, () => list],
  ['GET', /^\/containers\/json$/, () => list],
  ['GET', /^\/volumes$/, () => list],
  ['POST', /^\/containers\/create$/, (_, query) => ({ kind: 'create', name: query.get('name') ?? '' })],
  ['POST', /^\/volumes\/create$/, () => ({ kind: 'create-volume' })],
  ['GET', new RegExp(`^/containers/${name}/json$`), container],
  ['POST', new RegExp(`^/containers/${name}/start$`), (id) => ({ kind: 'own', what: 'containers', id, starts: true })],
  ['POST', new RegExp(`^/containers/${name}/(?:stop|kill|wait|pause|unpause|rename)$`), container],
  ['DELETE', new RegExp(`^/containers/${name}$`), container],
  [
    'PUT',
    new RegExp(`^/containers/${name}/archive$`),
    (id, query) =>
      isWorkspaceAlone(query) ? { kind: 'give-workspace', id } : refuse('files can be written only to a workspace'),
  ],
  ['GET', new RegExp(`^/volumes/${name}$`), own('volumes')],
  ['DELETE', new RegExp(`^/volumes/${name}$`), own('volumes')],
  ['PUT', new RegExp(`^/corral/sockets/${sandbox}$`), (id) => ({ kind: 'make-folder', id })],
  ['DELETE', new RegExp(`^/corral/sockets/${sandbox}$`), (id) => ({ kind: 'remove-folder', id })],
  ['GET', /^\/images\/[A-Za-z0-9][\w.:@/-]*\/json$/, () => pass],
  [
    'POST',
    /^\/images\/create$/,
    (_, query) => (query.has('fromSrc') ? refuse('an image can be pulled, not imported') : pass),
  ],
];
const isWorkspaceAlone = (query: URLSearchParams) =>
  query.toString() === `${new URLSearchParams({ path: workspacePath })}`;
const refuse = (why: string): RouteDecision => ({ kind: 'refuse', why });

/** Anything not listed is refused: exec, attach, build, networks, swarm, plugins, … */
export function decideRoute(method: string, target: string): RouteDecision {
  const [rawPath = '', rawQuery = ''] = target.split('?', 2);
  // The engine decodes paths before routing, so an escaped path could reach another route.
  if (/%|\\|\/\/|\/\.\.?(\/|$)/.test(rawPath)) return refuse('the path is not normalized');
  const path = rawPath.replace(/^\/v\d+\.\d+(?=\/)/, '');
  for (const [allowed, pattern, verdict] of table) {
    const match = allowed === method ? pattern.exec(path) : null;
    if (match) return verdict(match[1] ?? '', new URLSearchParams(rawQuery));
  }
  return refuse(`${method} ${path} is not a request that the server sends`);
}

export function filtersByLabel(target: string, label: string): boolean {
  const filters = new URLSearchParams(target.split('?', 2)[1] ?? '').get('filters');
  try {
    const { label: requested } = JSON.parse(filters ?? '{}') as { label?: unknown };
    if (Array.isArray(requested)) return requested.includes(label);
    return (
      typeof requested === 'object' && requested !== null && (requested as Record<string, unknown>)[label] === true
    );
  } catch {
    return false;
  }
}
