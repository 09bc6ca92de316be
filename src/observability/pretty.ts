import { styleText } from 'node:util';

const styles = { trace: 'dim', debug: 'dim', info: 'green', warn: 'yellow', error: 'red', fatal: 'bgRed' } as const;
type LogLevel = keyof typeof styles;

export function formatLogLine(line: string, { colour }: { readonly colour: boolean }): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line; // not JSON: the scrubber changed the line, or another program wrote it
  }
  const { time, level, msg, err, ...fields } = entry;
  const at = typeof time === 'string' ? time.slice(11, 19) : '';
  const style = Object.hasOwn(styles, String(level)) ? styles[level as LogLevel] : 'dim';
  const shown = paint(style, String(level).padEnd(5));
  const rest = Object.entries(fields).map(([name, value]) => `${paint('dim', `${name}=`)}${valueText(value)}`);
  return `${[paint('dim', at), shown, String(msg ?? ''), ...rest].join(' ')}${errorText(err)}\n`;
}

function valueText(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function errorText(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { stack, message } = err as { stack?: unknown; message?: unknown };
  const text = typeof stack === 'string' ? stack : String(message ?? JSON.stringify(err));
  return `\n    ${text.trim().replaceAll('\n', '\n    ')}`;
}
