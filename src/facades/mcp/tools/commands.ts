import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { truncateEnd, truncateStart } from '../../../core/text/text.ts';
import { defineMcpTool, McpSessionIdInput, PathInput, toStructuredResult } from '../tool.ts';

const maxShown = 100_000;

export const runCommandTool = defineMcpTool({
  name: 'run_command',
  title: 'Run a command',
  description:
    'Runs a shell command in the sandbox and returns its exit code and output. A command that runs longer than its timeout ' +
    'is ended with its children; start servers in the background with `&` and redirect their output to a file.',
  input: z.strictObject({
    session_id: McpSessionIdInput,
    command: z
      .string()
      .max(200_000)
      .refine((text) => text.trim() !== '' && !text.includes('\0'), 'must be text without NUL')
      .describe('what bash reads'),
    cwd: PathInput.optional().describe('the folder, relative to the workspace'),
    timeout_seconds: z.number().positive().max(600).default(120),
  }),
  effect: 'changes',
  async run({ session_id, command, cwd, timeout_seconds }, { services, signal }) {
    const requested = { command, timeoutMs: Math.ceil(timeout_seconds * 1_000), ...(cwd !== undefined && { cwd }) };
    const { exitCode, stdout, stderr, timedOut } = await services.sandboxes.exec(
      toSessionId(session_id),
      requested,
      signal,
    );
    return toStructuredResult({ exit_code: exitCode, timed_out: timedOut, stdout: cut(stdout), stderr: cut(stderr) });
  },
});

export const takeScreenshotTool = defineMcpTool({
  name: 'take_screenshot',
  title: 'Look at the screen',
  description: "Takes a picture of the sandbox's desktop, where one runs.",
  input: z.strictObject({ session_id: McpSessionIdInput }),
  effect: 'reads',
  async run({ session_id }, { services, signal }) {
    const png = await services.desktop.screenshot(toSessionId(session_id), signal);
    return { content: [{ type: 'image', data: png.toString('base64'), mimeType: 'image/png' }] };
  },
});

function cut(text: string): string {
  if (text.length <= maxShown) return text;
  const half = maxShown / 2;
  return `${truncateEnd(text, half)}\n[… ${text.length - maxShown} characters left out …]\n${truncateStart(text, half)}`;
}
