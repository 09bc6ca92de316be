import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import { decodeUtf8Text } from '../../../core/text/files/encoding.ts';
import { truncateEnd, truncateStart } from '../../../core/text/text.ts';
import { defineMcpTool, McpSessionIdInput, type McpToolDefinition, PathInput, toStructuredResult } from '../tool.ts';
import { answerApprovalTool, runTaskTool, stopRunTool, watchSessionTool } from './runs.ts';
import { createSessionTool, endSessionTool, getSessionTool, listSessionsTool } from './sessions.ts';

const maxShown = 100_000;

const runCommandTool = defineMcpTool({
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

const takeScreenshotTool = defineMcpTool({
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

const listFilesTool = defineMcpTool({
  name: 'list_files',
  title: 'List a folder',
  description: 'Lists a folder of the workspace: folders first, then files with their size.',
  input: z.strictObject({ session_id: McpSessionIdInput, path: PathInput.default('.') }),
  effect: 'reads',
  async run({ session_id, path }, { services, signal }) {
    const entries = await services.files.list(toSessionId(session_id), path, signal);
    return toStructuredResult({
      path,
      entries: entries.map(({ name, type, size, modified }) => ({ name, type, size, modified })),
    });
  },
});

const readFileTool = defineMcpTool({
  name: 'read_file',
  title: 'Read a file',
  description: 'Reads a file of the workspace, up to 10 MiB: text as text, other bytes as an embedded resource.',
  input: z.strictObject({ session_id: McpSessionIdInput, path: PathInput }),
  effect: 'reads',
  async run({ session_id, path }, { services, signal }) {
    const id = toSessionId(session_id);
    const bytes = await services.files.read(id, path, signal);
    const text = decodeUtf8Text(bytes);
    if (text !== undefined) return { content: [{ type: 'text', text }] };
    const resource = { uri: fileUri(id, path), blob: bytes.toString('base64') };
    return { content: [{ type: 'resource', resource: { ...resource, mimeType: 'application/octet-stream' } }] };
  },
});

const writeFileTool = defineMcpTool({
  name: 'write_file',
  title: 'Write a file',
  description: 'Writes a file of the workspace. A file of that name is replaced; missing folders are created.',
  input: z.strictObject({
    session_id: McpSessionIdInput,
    path: PathInput,
    content: z.string().describe('the whole file'),
    encoding: z.enum(['utf8', 'base64']).default('utf8').describe('how `content` is written; base64 for bytes'),
  }),
  effect: 'changes',
  async run({ session_id, path, content, encoding }, { services, signal }) {
    const bytes = Buffer.from(content, encoding);
    await services.files.write(toSessionId(session_id), path, bytes, signal);
    return toStructuredResult({ path, size: bytes.length });
  },
});

const fileUri = (id: SessionId, path: string): string =>
  `corral://sessions/${id}/files/${path.split('/').map(encodeURIComponent).join('/')}`;

export const mcpTools: readonly McpToolDefinition[] = [
  ...[createSessionTool, listSessionsTool, getSessionTool, endSessionTool],
  ...[runCommandTool, listFilesTool, readFileTool, writeFileTool, takeScreenshotTool],
  ...[runTaskTool, watchSessionTool, answerApprovalTool, stopRunTool],
];
