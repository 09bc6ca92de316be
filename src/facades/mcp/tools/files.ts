import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import { decodeUtf8Text } from '../../../core/text/files/encoding.ts';
import { defineMcpTool, McpSessionIdInput, PathInput, toStructuredResult } from '../tool.ts';

export const listFilesTool = defineMcpTool({
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

export const readFileTool = defineMcpTool({
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

export const writeFileTool = defineMcpTool({
  name: 'write_file',
  title: 'Write a file',
  description: 'Writes a file of the workspace. A file of that name is replaced; missing folders are made.',
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
