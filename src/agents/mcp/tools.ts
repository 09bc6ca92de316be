import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { truncateEnd } from '../../core/text/text.ts';
import { saveOutputBytes } from '../tools/kept-output.ts';
import { type PortableParameters, splitToolDescription } from '../tools/outside/portable-schema.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult } from '../tools/tool.ts';
import type { McpCallResult, McpConnection } from './connection.ts';
import type { McpTool } from './server.ts';

type Fields = Readonly<Record<string, unknown>>;
const maxPictures = 8;

/** Saves binary content in the workspace. The model also sees the first eight images. */
async function toolResult(
  ctx: ToolContext,
  { content, structuredContent, isError, others }: McpCallResult,
  newName: () => string,
): Promise<ToolResult> {
  const texts: string[] = [];
  const pictures = [];
  for (const block of content) {
    const bytes = toBytes(block);
    if (!bytes) {
      texts.push(toText(block));
      continue;
    }
    const { text, picture } = await saveOutputBytes(ctx, { ...bytes, name: newName() });
    texts.push(text);
    if (picture && pictures.length < maxPictures) pictures.push(picture);
  }
  const structured = structuredContent ?? (Object.keys(others).length > 0 ? others : undefined);
  if (content.length === 0 && structured !== undefined) texts.push(JSON.stringify(structured));
  const output = texts.join('\n') || (isError ? 'The tool failed and returned nothing.' : 'The tool returned nothing.');
  const more = { content: { result: output }, ...(pictures.length > 0 && { pictures }) };
  return isError ? { ok: false, reason: 'failed', output, ...more } : { ok: true, output, ...more };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textIn = (fields: Fields, name: string) => {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
};
const resourceIn = ({ type, resource }: Fields): Fields => (type === 'resource' && isFields(resource) ? resource : {});

function toBytes(block: unknown): { data: Buffer; mimeType: string } | undefined {
  if (!isFields(block)) return undefined;
  const holder = block.type === 'image' || block.type === 'audio' ? block : resourceIn(block);
  const data = textIn(holder, holder === block ? 'data' : 'blob');
  if (data === undefined) return undefined;
  const base64 = data.startsWith('data:') ? data.slice(data.indexOf(',') + 1) : data;
  return { data: Buffer.from(base64, 'base64'), mimeType: textIn(holder, 'mimeType') || 'application/octet-stream' };
}

function toText(block: unknown): string {
  if (typeof block === 'string') return block;
  if (!isFields(block)) return JSON.stringify(block);
  if (block.type === 'text') {
    const value = block.text ?? '';
    return typeof value === 'string' ? value : JSON.stringify(value);
  }
  const uri = textIn(block, 'uri');
  if (block.type === 'resource_link' && uri !== undefined) {
    const name = textIn(block, 'name') ?? textIn(block, 'title') ?? 'resource';
    return `[${name}: ${uri}] ${textIn(block, 'description') ?? ''}`.trim();
  }
  const resource = resourceIn(block);
  const text = textIn(resource, 'text');
  return text === undefined ? JSON.stringify(block) : `[${textIn(resource, 'uri') ?? 'resource'}]\n${text}`;
}

const maxChars = 64; // the lowest limit among the model providers
const hashChars = 8;

export function toMcpToolNames(server: string, tools: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const tool of tools) {
    const plain = `mcp_${server}_${tool.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`;
    const isTaken = names.has(plain) && names.get(plain) !== tool;
    names.set(plain.length > maxChars || isTaken ? hashed(plain, tool) : plain, tool);
  }
  return names;
}

const hashed = (plain: string, tool: string) => {
  const hash = createHash('sha256').update(tool).digest('hex').slice(0, hashChars);
  return `${plain.slice(0, maxChars - hashChars - 1)}_${hash}`;
};

export function createMcpTools(
  connection: McpConnection,
  listed: readonly McpTool[],
  newName: () => string,
): readonly Tool[] {
  const known = new Map(listed.map((tool) => [tool.name, tool]));
  const names = toMcpToolNames(
    connection.server.name,
    listed.map(({ name }) => name),
  );
  return [...names].flatMap(([name, original]) => {
    const tool = known.get(original);
    return tool && tool.refused === undefined ? [mcpTool(connection, { name, tool, newName })] : [];
  });
}

type OfferedTool = Extract<McpTool, PortableParameters>;

function mcpTool(
  connection: McpConnection,
  { name, tool, newName }: { readonly name: string; readonly tool: OfferedTool; readonly newName: () => string },
): Tool {
  const described =
    tool.description === '' ? `${tool.name} of the tool server ${connection.server.name}.` : tool.description;
  return {
    name,
    family: 'mcp',
    group: 'always',
    label: tool.title ?? tool.name,
    ...splitToolDescription(described, tool.schema),
    restore: tool.restore,
    needs: ['sandbox'],
    orderKey: () => null, // the protocol allows any number of concurrent calls
    calledIn: {},
    async run(ctx, args) {
      const input = z.looseObject({}).safeParse(args ?? {});
      if (!input.success) return { ok: false, reason: 'bad_arguments', output: `${name} takes an object.` };
      try {
        const call = { signal: ctx.signal, onProgress: ctx.onOutput };
        return await toolResult(ctx, await connection.call(tool.name, input.data, call), newName);
      } catch (thrown) {
        return failedCall(thrown);
      }
    },
  };
}

/** Returns a tool server's failure to the model. Rethrows the sandbox's errors. */
function failedCall(thrown: unknown): ToolResult {
  if (!(thrown instanceof AppError)) throw thrown;
  const reason =
    thrown.code === 'deadline_exceeded' ? 'timed_out' : thrown.code === 'cancelled' ? 'cancelled' : 'failed';
  if (reason === 'failed' && thrown.code !== 'unsupported') throw thrown;
  return { ok: false, reason, output: thrown.publicMessage };
}

const maxFound = 10;
const words = (text: string) =>
  text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);

export function createMcpSearchTool(all: readonly Tool[], load: (names: readonly string[]) => void): Tool {
  return defineTool({
    name: 'mcp_search',
    family: 'mcp',
    group: 'always',
    label: 'Find tools',
    description:
      `Find tools of the connected tool servers: ${all.length} exist, and only those that you found here can be called. ` +
      'Say what you want to do in a few words.',
    parameters: z.object({ query: z.string().min(1).max(500) }),
    needs: [],
    orderKey: () => null,
    async run(_, { query }) {
      const requested = words(query);
      const found = all
        .map((tool) => ({ tool, score: score(tool, requested) }))
        .filter((it) => it.score > 0)
        .sort((a, b) => b.score - a.score)
        .slice(0, maxFound)
        .map(({ tool }) => tool);
      if (found.length === 0) {
        const names = all.map(({ name }) => name).join(', ');
        return { ok: true, output: `No tool matches. The tools are: ${truncateEnd(names, 8_000)}` };
      }
      load(found.map(({ name }) => name));
      const lines = found.map(
        ({ name, description, parameters }) => `${name}: ${description}\nparameters: ${JSON.stringify(parameters)}`,
      );
      return { ok: true, output: `You can call these now:\n\n${lines.join('\n\n')}` };
    },
  });
}

function score({ name, description }: Tool, requested: readonly string[]): number {
  const inName = new Set(words(name));
  const inText = new Set(words(description));
  return requested.reduce((sum, word) => sum + (inName.has(word) ? 3 : 0) + (inText.has(word) ? 1 : 0), 0);
}
