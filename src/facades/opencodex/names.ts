import type { FactOf } from '../../core/events.ts';

/** Facts about a session that the projections of its events need. */
export interface View {
  /** The workspace's real path, which this dialect calls `/workspace`. */
  readonly workdir: string;
}
type Args = Readonly<Record<string, unknown>>;
type Call = Pick<FactOf<'tool.calling'>['data'], 'function' | 'args'>;

/** Translates tools and arguments to this dialect's names; a tool it does not know keeps its name. */
export function toolCall({ function: name, args }: Call, view: View): { tool: string; args: Args } {
  const path = (given: unknown) => (typeof given === 'string' ? shownPath(given, view) : given);
  switch (name) {
    case 'shell_exec':
      return { tool: 'bash', args: { command: args.command } };
    case 'file_write':
      return { tool: 'file_write', args: { path: path(args.file), content: args.content } };
    case 'file_read':
      return { tool: 'file_read', args: { path: path(args.file) } };
    case 'file_str_replace':
      return { tool: 'file_edit', args: { path: path(args.file), old_string: args.old_str, new_string: args.new_str } };
    case 'file_find_in_content':
      return { tool: 'search', args: { pattern: args.regex, path: path(args.file) } };
    case 'file_find_by_name':
      return { tool: 'search', args: { pattern: args.glob, path: path(args.path) } };
    default:
      return { tool: name, args };
  }
}

export function shownPath(path: string, { workdir }: View): string {
  if (path === workdir) return '/workspace';
  return path.startsWith(`${workdir}/`) ? `/workspace${path.slice(workdir.length)}` : path;
}

export const iso = (ms: number): string => new Date(ms).toISOString();
