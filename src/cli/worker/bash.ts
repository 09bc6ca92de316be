import type { Box } from '../../client/index.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import { renderScreenText } from '../../core/text/terminal/screen-text.ts';
import { trimEndCharacters } from '../../core/text/text.ts';

const maxOutputBytes = 100_000;
const defaultTimeoutMs = 120_000;

/** Hidden in the web page. */
export const workerFolder = '.corral/worker';

/** A background call outlives its worker; a streamed command would not. */
const beginScript = `
s=$PWD/${workerFolder} d=$PWD/${workerFolder}/calls/$1
mkdir -p "$s/calls"
mkdir "$d" 2>/dev/null || exit 0
setsid bash -c "$3" corral-call "$s" "$d" "$2" "$1" </dev/null >"$d/output" 2>&1 &
echo $! >"$d/pid"
`;

/** stderr is `exit N` or `interrupted`. Waits up to 10 s for another worker to start the process. */
const waitScript = `
d=${workerFolder}/calls/$1 n=0
until [ -e "$d/exit" ]; do
  if [ ! -e "$d/pid" ] && [ "$n" -lt 200 ]; then n=$((n+1)); sleep 0.05; continue; fi
  if ! kill -0 "$(cat "$d/pid" 2>/dev/null)" 2>/dev/null; then sleep 0.2; break; fi
  sleep 0.05
done
size=$(stat -c %s "$d/output" 2>/dev/null || echo 0)
[ "$size" -gt ${maxOutputBytes} ] && echo '[output truncated]'
tail -c ${maxOutputBytes} "$d/output" 2>/dev/null
if [ -e "$d/exit" ]; then echo "exit $(cat "$d/exit")" >&2; else echo interrupted >&2; fi
`;

/** Exported variables, functions and the current folder persist between calls. `cancelBashCall` reads `group`. */
const callScript = `
timeout -k 2 "$3" bash -c '
  s=$1
  [ -e "$s/state" ] && . "$s/state" 2>/dev/null
  cd "$(cat "$s/cwd" 2>/dev/null)" 2>/dev/null
  trap "{ declare -px; declare -f; } >$s/state.new; mv $s/state.new $s/state; pwd >$s/cwd" EXIT
  . "$s/commands/$3"
' corral-shell "$1" "$2" "$4" &
echo $! >"$2/group"
wait $!
echo $? >"$2/exit.new"
mv "$2/exit.new" "$2/exit"
`;

export interface WorkerCallResult {
  readonly text: string;
  readonly picture?: object;
  readonly isError: boolean;
}

/** Repeated requests with the same call id run the command only once. */
export async function runBash(
  box: Box,
  callId: string,
  { command, timeoutMs = defaultTimeoutMs }: { command: string; timeoutMs?: number | undefined },
  signal: AbortSignal,
): Promise<WorkerCallResult> {
  const seconds = String(Math.max(1, Math.ceil(timeoutMs / 1_000)));
  await box.files.write(`${workerFolder}/commands/${callId}`, `${command}\n`, { signal });
  const begin = createBashCommand(beginScript, callId, seconds, callScript);
  await box.api.sandbox.exec.mutate({ sessionId: box.id, command: begin }, { signal });
  const { stdout, stderr } = await box.exec(createBashCommand(waitScript, callId), { signal });
  const reply = /^exit (\d+)$/m.exec(stderr);
  const output = trimEndCharacters(renderScreenText(stdout), '\n');
  if (!reply) {
    const text = 'The sandbox was stopped while this command ran. Check what it did before you run it again.';
    return { text: [output, text].filter((part) => part !== '').join('\n'), isError: true };
  }
  const code = Number(reply[1]);
  if (code === 0) return { text: output, isError: false };
  const end = code === 124 ? `The command was ended after ${seconds} s.` : `exit ${code}`;
  return { text: code === 124 || output === '' ? [output, end].filter(Boolean).join('\n') : output, isError: true };
}

export async function cancelBashCall(box: Box, callId: string): Promise<void> {
  const end = 'group=$(cat "$1" 2>/dev/null) && kill -TERM -- "-$group" 2>/dev/null; :';
  await box.exec(createBashCommand(end, `${workerFolder}/calls/${callId}/group`));
}

export async function restartBash(box: Box): Promise<void> {
  await box.exec(`rm -f ${workerFolder}/state ${workerFolder}/cwd`);
}

export const createBashCommand = (script: string, ...args: readonly string[]): string =>
  `bash -c ${[script, 'corral-worker', ...args].map(quoteForShell).join(' ')}`;
