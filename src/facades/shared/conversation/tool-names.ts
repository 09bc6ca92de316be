import { beginningOf } from '../../../core/text.ts';

type Args = Readonly<Record<string, unknown>>;
interface ToolNames {
  readonly name: string;
  readonly arguments: Args;
}

const shownChars = 200;

/** Translates functions and arguments to the names of Crogia and CambioML; an unknown function keeps its name. */
export function toolNames(name: string, args: Args, workdir: string): ToolNames {
  const path = (given: unknown) => (typeof given === 'string' ? below(workdir, given) : given);
  const { file, id: _shell, exec_dir: _dir, ...others } = args;
  switch (name) {
    case 'shell_exec':
      return { name: 'run_shell', arguments: { cmd: args.command } };
    case 'file_write':
      // Marks an append, because a client takes `content` for the whole file otherwise.
      return {
        name: 'write_file',
        arguments: { path: path(file), content: args.content, ...(args.append === true && { append: true }) },
      };
    case 'file_read':
      return { name: 'read_file', arguments: { path: path(file), ...others } };
    case 'file_str_replace':
      return { name: 'edit_file', arguments: { path: path(file), old_str: args.old_str, new_str: args.new_str } };
    case 'file_find_by_name':
      return { name: 'search_files', arguments: { ...args, path: path(args.path) } };
    case 'file_find_in_content':
      return { name: 'grep_search', arguments: args };
    default:
      return { name, arguments: args };
  }
}

const telling = ['cmd', 'path', 'query', 'url', 'text', 'question', 'file', 'input', 'id'];

/** One line for display, such as `run_shell: ls -la`. */
export function toolLine({ name, arguments: args }: ToolNames): string {
  const values = [...telling.map((key) => args[key]), ...Object.values(args)];
  const told = values.find((value) => typeof value === 'string' && value.trim() !== '');
  if (typeof told !== 'string') return name;
  const line = told.trim().replace(/\s*[\r\n]+\s*/g, ' ');
  return `${name}: ${line.length > shownChars ? `${beginningOf(line, shownChars - 1)}…` : line}`;
}

function below(workdir: string, path: string): string {
  if (path === workdir) return '.';
  return path.startsWith(`${workdir}/`) ? path.slice(workdir.length + 1) : path;
}
