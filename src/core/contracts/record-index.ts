/** The fields of a record that the store finds it by, in addition to its kind, id and place. */
export interface IndexEntry {
  /** The person it belongs to, or else the part of the server. */
  readonly owner: string | null;
  readonly shared: boolean;
  /** The record that it is a part of, such as the project of a session. */
  readonly parent: string | null;
  /** By which records of the kind are listed and counted. */
  readonly state: string | null;
  /** At most one record of a kind has it. A put that would give it to a second one is refused. */
  readonly name: string | null;
}
type Fields = Readonly<Record<string, unknown>>;

/** Records that belong to another record than a person, by the field with its id. */
const ownerFields: Readonly<Record<string, string>> = {
  'environment-key': 'environmentId',
};
const uniqueNames: Readonly<Record<string, (fields: Fields) => string>> = {
  skill: ({ name, owner, projectId, shared }) =>
    shared ? `:${name}` : `${projectId ? `project:${projectId}` : (owner ?? '')}:${name}`,
};
/** The fields with the id of the record that a record is a part of. */
const parentFields: Readonly<Record<string, string>> = {
  session: 'projectId',
  automation: 'projectId',
  webhook: 'projectId',
  skill: 'projectId',
  volume: 'projectId',
  'named-snapshot': 'projectId',
  'built-template': 'projectId',
  'template-build': 'projectId',
  'work-item': 'environmentId',
  'work-item-past': 'environmentId',
};
export const kindsWithParents: readonly string[] = Object.keys(parentFields);
const states: Readonly<Record<string, (fields: Fields) => unknown>> = {
  session: ({ deleting, status }) => (deleting ? 'deleting' : status),
  automation: ({ after }) => (after ? 'after' : null),
  'named-snapshot': ({ making }) => (making === undefined ? null : 'making'),
  'file-owner': ({ isKept }) => (isKept === false ? 'staged' : null),
  large: ({ isKept }) => (isKept ? null : 'unchecked'),
};
/** The kinds whose owners, or everybody, share records. */
const shareable: ReadonlySet<string> = new Set(['skill', 'automation']);

/** Stores index each record by this. A change here needs a migration of the stores, unless it is by a new field. */
export function toIndexEntry(kind: string, doc: unknown): IndexEntry {
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
