import { buffer } from 'node:stream/consumers';
import {
  type McpServer,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { toSessionId } from '../../api/procedure/session-id.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import { decodeUtf8Text } from '../../core/text/files/encoding.ts';
import { toPublicMessage } from '../../http/errors/wire-errors.ts';
import type { McpRequestDeps } from './deps.ts';
import { toMcpError } from './errors.ts';
import { toSessionView } from './tools/sessions.ts';

type UriVariables = Readonly<Record<string, string | string[]>>;
type ResourceContent =
  | { readonly bytes: Buffer; readonly mimeType: string }
  | { readonly text: string; readonly mimeType: string };
interface Readable {
  readonly template: ResourceTemplate;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  find(words: UriVariables, signal: AbortSignal): Promise<ResourceContent>;
}
const listed = 100;
const word = (words: UriVariables, name: string) => [words[name] ?? ''].flat().join('/');

export function addResources(server: McpServer, parts: McpRequestDeps): void {
  for (const { template, name, title, description, find } of readables(parts)) {
    server.registerResource(name, template, { title, description }, async (uri, words, context) => {
      try {
        const signal = combineSignals([parts.gone, context.mcpReq.signal]);
        return contents(uri.href, await find(words, signal));
      } catch (thrown) {
        const error = toMcpError(thrown, name, parts.logger);
        throw new ResourceNotFoundError(uri.href, `${toPublicMessage(error)} (${error.code})`);
      }
    });
  }
}

function contents(uri: string, found: ResourceContent): ReadResourceResult {
  const text = 'text' in found ? found.text : undefined;
  const { mimeType } = found;
  if (text !== undefined) return { contents: [{ uri, mimeType, text }] };
  return { contents: [{ uri, mimeType, blob: (found as { bytes: Buffer }).bytes.toString('base64') }] };
}

function readables({ services: { sessions, files, desktop }, uploads }: McpRequestDeps): Readable[] {
  const parseSessionId = (words: UriVariables) => toSessionId(word(words, 'session'));
  const newest = async () => {
    const found = await sessions.list({ limit: listed, after: undefined, keep: () => true });
    const resources = found
      .slice(0, listed)
      .map(({ id, title }) => ({ uri: `corral://sessions/${id}`, name: title || id }));
    return { resources };
  };
  const unlisted = { list: undefined };
  return [
    {
      template: new ResourceTemplate('corral://sessions/{session}', { list: newest }),
      name: 'session',
      title: 'A session',
      description: 'The state of a session, as JSON',
      find: async (words) => ({
        text: JSON.stringify(toSessionView(await sessions.get(parseSessionId(words)))),
        mimeType: 'application/json',
      }),
    },
    {
      template: new ResourceTemplate('corral://sessions/{session}/files/{+path}', unlisted),
      name: 'file',
      title: 'A file',
      description: 'A file of the workspace, by its path there, up to 10 MiB',
      async find(words, signal) {
        const bytes = await files.read(parseSessionId(words), decoded(word(words, 'path')), signal);
        const text = decodeUtf8Text(bytes);
        return text === undefined ? { bytes, mimeType: 'application/octet-stream' } : { text, mimeType: 'text/plain' };
      },
    },
    {
      template: new ResourceTemplate('corral://sessions/{session}/screen', unlisted),
      name: 'screen',
      title: 'The screen',
      description: 'A picture of the desktop as it is now, where one runs',
      find: async (words, signal) => ({
        bytes: await desktop.screenshot(parseSessionId(words), signal),
        mimeType: 'image/png',
      }),
    },
    {
      template: new ResourceTemplate('corral://sessions/{session}/screenshots/{file}', unlisted),
      name: 'screenshot',
      title: 'A screenshot',
      description: 'A screenshot that the agent took, by the id of its file',
      async find(words) {
        const id = parseSessionId(words);
        await sessions.get(id);
        const file = await uploads?.get(word(words, 'file'));
        if (!uploads || !file || file.sessionId !== id)
          throw new AppError('file_not_found', 'There is no such screenshot.');
        return { bytes: await buffer(await uploads.open(file.id)), mimeType: file.mimeType ?? 'image/png' };
      },
    },
  ];
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new AppError('invalid_request', 'The URL has an invalid percent encoding.');
  }
}
