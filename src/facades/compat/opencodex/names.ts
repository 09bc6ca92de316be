import { toFacadeCall } from '../../../agents/tools/words.ts';
import type { FactOf } from '../../../core/model/events.ts';

export interface ClientPathContext {
  /** Shown as `/workspace` by this facade. */
  readonly workdir: string;
}
type Args = Record<string, unknown>;
type Call = Pick<FactOf<'tool.calling'>['data'], 'function' | 'args'>;

/** Unknown tools keep their names. */
export function toClientToolCall(
  { function: name, args }: Call,
  view: ClientPathContext,
): { tool: string; args: Args } {
  const path = (input: unknown) => (typeof input === 'string' ? toClientPath(input, view) : input);
  const { name: tool, args: shown } = toFacadeCall('opencodex', { name, args }, path);
  return { tool, args: shown };
}

export function toClientPath(path: string, { workdir }: ClientPathContext): string {
  if (path === workdir) return '/workspace';
  return path.startsWith(`${workdir}/`) ? `/workspace${path.slice(workdir.length)}` : path;
}

export const toIsoTime = (ms: number): string => new Date(ms).toISOString();
