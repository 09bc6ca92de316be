import { type SandboxId, SessionId, sandboxIdOf, sessionIdOf } from '../../src/core/model/ids.ts';
import type { SandboxInfo } from '../driver.ts';
import { parseSandboxLabels, toSandboxLabels } from '../shared/sandbox-labels.ts';

const prefix = 'corral.';

/** The operator's labels cannot override ours. */
export function createSandboxLabels(
  spec: Omit<SandboxInfo, 'phase'>,
  instance: string,
  others: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const foreign = Object.entries(others).filter(([key]) => !key.toLowerCase().startsWith(prefix));
  return {
    ...Object.fromEntries(foreign),
    ...Object.fromEntries(Object.entries(toSandboxLabels(spec)).map(([name, value]) => [prefix + name, value])),
    'corral.owner-instance': instance,
  };
}

export const createInstanceFilter = (instance: string) => `corral.owner-instance=${instance}`;

export const parseSandboxInfo = (labels: unknown, phase: SandboxInfo['phase']): SandboxInfo | undefined =>
  parseSandboxLabels(labels, prefix, phase);

/** The recipe's hash, on pool containers. Remains after a claim, because labels cannot change. */
export const poolLabel = 'corral.pool';
export const imageContentLabel = 'corral.content';
/** Label of an empty volume. Names the volume that holds the session's workspace. */
export const workspaceLabel = 'corral.workspace';

/** The engine refuses duplicate names, so a session has at most one container. */
export function createContainerNaming(instance: string) {
  const base = `corral-${instance}-`;
  const after = (prefix: string, name: string) =>
    name.startsWith(prefix) ? SessionId.safeParse(name.slice(prefix.length)).data : undefined;
  const id = (session: SessionId | undefined) => session && sandboxIdOf(session);
  return {
    of: (sandbox: SandboxId) => base + sessionIdOf(sandbox),
    warm: (sandbox: SandboxId) => `${base}warm-${sessionIdOf(sandbox)}`,
    build: (sandbox: SandboxId) => `${base}build-${sessionIdOf(sandbox)}`,
    claimedIn: (name: string) => id(after(base, name)),
    warmIn: (name: string) => id(after(`${base}warm-`, name)),
    /** The build's id is not in a label, because an image inherits its container's labels. */
    buildIn: (name: string) => id(after(`${base}build-`, name.replace(/^\//, ''))),
  };
}
export type ContainerNaming = ReturnType<typeof createContainerNaming>;

type OptionalLabels = Readonly<Record<string, string>> | undefined;
export const isPooled = (labels: OptionalLabels): boolean => labels?.[poolLabel] !== undefined;

interface Body {
  readonly name: string;
  readonly labels: OptionalLabels;
  readonly pointer?: OptionalLabels;
}

export function parseContainerInfo(
  names: ContainerNaming,
  { name, labels, pointer }: Body,
  phase: SandboxInfo['phase'],
): SandboxInfo | undefined {
  if (!isPooled(labels)) return parseSandboxInfo(labels, phase);
  const id = names.claimedIn(name.replace(/^\//, ''));
  if (!id) return undefined;
  const reply = parseSandboxInfo(pointer, phase);
  if (reply?.id === id) return reply;
  const own = parseSandboxInfo(labels, phase);
  return own && { ...own, id, sessionId: sessionIdOf(id) };
}
