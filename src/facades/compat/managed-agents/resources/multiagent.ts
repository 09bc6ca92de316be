import { z } from 'zod';
import type { StoredDocument } from '../../../../sessions/api/server/documents.ts';
import { invalidRequestError, rethrowNotFoundAs, unsupportedFieldError } from '../errors.ts';

// Rosters keep the API format in which they arrived, with defaults and agent versions added.

const maxAgents = 20;
const agentId = z.string().min(1).max(200);
const Entry = z.union([
  agentId.transform((id) => ({ type: 'agent' as const, id, version: undefined })),
  z.strictObject({ type: z.literal('agent'), id: agentId, version: z.int().min(1).nullable().optional() }),
  z.strictObject({ type: z.literal('self') }),
  z.looseObject({ type: z.literal('advisor') }),
]);
type EntryInput = z.output<typeof Entry>;
const Switch = z.looseObject({ type: z.enum(['enabled', 'disabled']) }).nullable();
const CoordinatorInput = z.strictObject({
  type: z.literal('coordinator'),
  agents: z.array(Entry).min(1).max(maxAgents),
});
const PartsInput = z.strictObject({
  type: z.literal('multiagent_20261001'),
  advisor: Switch.optional(),
  workflows: Switch.optional(),
  subagents: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('disabled') }),
      z.strictObject({
        type: z.literal('enabled'),
        inline_agents: Switch.optional(),
        predefined_agents: z.array(Entry).max(maxAgents).nullable().optional(),
      }),
    ])
    .nullable()
    .optional(),
});
export const MultiagentInput = z.discriminatedUnion('type', [CoordinatorInput, PartsInput]).nullable().optional();
type MultiagentRequest = NonNullable<z.output<typeof MultiagentInput>>;

const disabled = z.object({ type: z.literal('disabled') });
/** `self`: the agent that owns the roster, at the version that the session uses. */
const RosterEntry = z.discriminatedUnion('type', [
  z.object({ type: z.literal('agent'), id: z.string(), version: z.int() }),
  z.object({ type: z.literal('self') }),
]);
export type RosterEntry = z.output<typeof RosterEntry>;
export const Multiagent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('coordinator'), agents: z.array(RosterEntry) }),
  z.object({
    type: z.literal('multiagent_20261001'),
    advisor: disabled,
    workflows: disabled,
    subagents: z.discriminatedUnion('type', [
      disabled,
      z.object({ type: z.literal('enabled'), inline_agents: disabled, predefined_agents: z.array(RosterEntry) }),
    ]),
  }),
]);
export type Multiagent = z.output<typeof Multiagent>;

export function toRoster(multiagent: Multiagent | null): readonly RosterEntry[] {
  if (multiagent === null) return [];
  if (multiagent.type === 'coordinator') return multiagent.agents;
  return multiagent.subagents.type === 'enabled' ? multiagent.subagents.predefined_agents : [];
}

export function withRoster<Entry>(multiagent: Multiagent | null, entries: readonly Entry[]) {
  if (multiagent === null) return null;
  if (multiagent.type === 'coordinator') return { type: multiagent.type, agents: entries };
  if (multiagent.subagents.type === 'disabled') return { ...multiagent, subagents: multiagent.subagents };
  return { ...multiagent, subagents: { ...multiagent.subagents, predefined_agents: entries } };
}

interface Owner {
  readonly id?: string;
  readonly now?: Multiagent | null;
  /** Rejects: not_found. */
  readonly agent: (id: string, version?: number) => Promise<StoredDocument>;
}

/** Rejects: invalid_request, not_found. */
export async function pinAgentVersions(requested: MultiagentRequest | null, owner: Owner): Promise<Multiagent | null> {
  if (requested === null) return null;
  if (requested.type === 'coordinator')
    return { type: requested.type, agents: await resolveEntries(requested.agents, owner, 'multiagent.agents') };
  const { now } = owner;
  const before = now?.type === 'multiagent_20261001' ? now : undefined;
  const off = { type: 'disabled' as const };
  for (const field of ['workflows', 'advisor'] as const) {
    const { type } = requested[field] ?? (requested[field] === undefined ? before?.[field] : undefined) ?? usual[field];
    if (type === 'enabled') throw unsupportedFieldError(`multiagent.${field}`, 'send {"type": "disabled"}');
  }
  const subagents = await resolveSubagents(
    requested.subagents === undefined ? before?.subagents : requested.subagents,
    owner,
    before,
  );
  return { type: requested.type, advisor: off, workflows: off, subagents };
}
const usual = { workflows: { type: 'enabled' }, advisor: { type: 'disabled' } } as const;

type MultiagentParts = Extract<Multiagent, { type: 'multiagent_20261001' }>;
type SubagentsInput = z.output<typeof PartsInput>['subagents'] | MultiagentParts['subagents'];
async function resolveSubagents(
  requested: SubagentsInput,
  owner: Owner,
  before: MultiagentParts | undefined,
): Promise<MultiagentParts['subagents']> {
  if (requested?.type === 'disabled') return { type: 'disabled' };
  const kept = before?.subagents.type === 'enabled' ? before.subagents : undefined;
  const inline = requested?.inline_agents === undefined ? kept?.inline_agents : requested.inline_agents;
  if (inline?.type !== 'disabled')
    throw unsupportedFieldError('multiagent.subagents.inline_agents', 'send {"type": "disabled"}');
  const named = requested?.predefined_agents === undefined ? kept?.predefined_agents : requested.predefined_agents;
  const where = 'multiagent.subagents.predefined_agents';
  if (!named || named.length === 0) throw invalidRequestError(`${where}: name an agent, or disable subagents.`);
  return {
    type: 'enabled',
    inline_agents: { type: 'disabled' },
    predefined_agents: await resolveEntries(named, owner, where),
  };
}

async function resolveEntries(
  requests: readonly EntryInput[],
  { id: own, agent }: Owner,
  where: string,
): Promise<RosterEntry[]> {
  const entries: RosterEntry[] = [];
  for (const [n, requested] of requests.entries()) {
    if (requested.type === 'advisor') throw unsupportedFieldError(`${where}.${n}.type "advisor"`, 'name agents');
    const entry =
      requested.type === 'self' || requested.id === own ? { type: 'self' as const } : await pinnedEntry(requested);
    const isSame = (other: RosterEntry) =>
      other.type === 'self' ? entry.type === 'self' : entry.type === 'agent' && other.id === entry.id;
    if (entries.some(isSame)) throw invalidRequestError(`${where}.${n}: the agent is there twice.`);
    entries.push(entry);
  }
  return entries;

  async function pinnedEntry(extract: Extract<EntryInput, { type: 'agent' }>): Promise<RosterEntry> {
    const version = extract.version ? ` with the version ${extract.version}` : '';
    const gone = rethrowNotFoundAs(`${where}: there is no agent ${extract.id}${version}.`);
    const doc = await agent(extract.id, extract.version ?? undefined).catch(gone);
    if (doc.archivedAt !== null) throw invalidRequestError(`${where}: ${extract.id} is archived.`, 'agent_archived');
    const { multiagent } = z.object({ multiagent: z.unknown() }).parse(doc.content);
    if (multiagent !== null && multiagent !== undefined)
      throw invalidRequestError(`${where}: ${extract.id} has multiagent itself, and cannot work for another agent.`);
    return { type: 'agent', id: doc.id, version: doc.version };
  }
}
