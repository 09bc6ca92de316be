import { toFacadeCall } from '../../../agents/tools/words.ts';
import { joinLines, truncateEnd } from '../../../core/text/text.ts';

type Args = Readonly<Record<string, unknown>>;
interface ToolNames {
  readonly name: string;
  readonly arguments: Args;
}

const shownChars = 200;

export function translateToolCall(name: string, args: Args, workdir: string): ToolNames {
  const path = (input: unknown) => (typeof input === 'string' ? below(workdir, input) : input);
  const { name: shown, args: translated } = toFacadeCall('conversation', { name, args }, path);
  return { name: shown, arguments: translated };
}

const telling = ['cmd', 'path', 'query', 'url', 'text', 'question', 'file', 'input', 'id'];

export function formatToolCall({ name, arguments: args }: ToolNames): string {
  const values = [...telling.map((key) => args[key]), ...Object.values(args)];
  const argument = values.find((value) => typeof value === 'string' && value.trim() !== '');
  if (typeof argument !== 'string') return name;
  const line = joinLines(argument);
  return `${name}: ${line.length > shownChars ? `${truncateEnd(line, shownChars - 1)}…` : line}`;
}

function below(workdir: string, path: string): string {
  if (path === workdir) return '.';
  return path.startsWith(`${workdir}/`) ? path.slice(workdir.length + 1) : path;
}
