export interface RecordIndexEntry {
  /** The owner's id, or the id of the owning record for kinds in `ownerFields`. */
  readonly owner: string | null;
  readonly shared: boolean;
  /** The id of the containing record, such as a session's project. */
  readonly parent: string | null;
  readonly state: string | null;
  /** Unique among the records of a kind. A put with a name already in use is refused. */
  readonly name: string | null;
}
type Fields = Readonly<Record<string, unknown>>;

const ownerFields: Readonly<Record<string, string>> = {
  'environment-key': 'environmentId',
};
const uniqueNames: Readonly<Record<string, (fields: Fields) => string>> = {
  skill: ({ name, owner, projectId, shared }) =>
    shared ? `:${name}` : `${projectId ? `project:${projectId}` : (owner ?? '')}:${name}`,
};
/** Maps each kind that has a parent record to the field that holds the parent's id. */
const parentFields: Readonly<Record<string, string>> = {
  session: 'projectId',
  automation: 'projectId',
  webhook: 'projectId',
  skill: 'projectId',
  volume: 'projectId',
  'named-snapshot': 'projectId',
  'built-template': 'projectId',
  'template-build': 'projectId',
  'named-secret': 'projectId',
  vault: 'projectId',
  'memory-store': 'projectId',
  'document-agent': 'projectId',
  'document-environment': 'projectId',
  'document-file': 'projectId',
  'work-item': 'environmentId',
  'work-item-past': 'environmentId',
};
export const recordKindsWithParent: readonly string[] = Object.keys(parentFields);
const states: Readonly<Record<string, (fields: Fields) => unknown>> = {
  session: ({ deleting, status }) => (deleting ? 'deleting' : status),
  automation: ({ after }) => (after ? 'after' : null),
  'named-snapshot': ({ making }) => (making === undefined ? null : 'making'),
  'file-owner': ({ isKept }) => (isKept === false ? 'staged' : null),
  large: ({ isKept }) => (isKept ? null : 'unchecked'),
};
const shareable: ReadonlySet<string> = new Set(['skill', 'automation']);

/** Any change other than an added field requires a migration of the stores. */
export function toRecordIndexEntry(kind: string, doc: unknown): RecordIndexEntry {
  const fields: Fields = typeof doc === 'object' && doc !== null ? (doc as Fields) : {};
  const owner = fields[ownerFields[kind] ?? 'owner'];
  const state = states[kind]?.(fields);
  const parent = fields[parentFields[kind] ?? ''];
  return {
    owner: typeof owner === 'string' ? owner : null,
    shared: shareable.has(kind) && fields.shared === true,
    parent: typeof parent === 'string' ? parent : null,
    state: typeof state === 'string' ? state : null,
    name: uniqueNames[kind]?.(fields) ?? null,
  };
}
