import type { CallToolResult } from '@modelcontextprotocol/client';
import { keptBytes } from '../tools/kept-output.ts';
import type { ToolContext, ToolResult } from '../tools/tool.ts';

type Block = CallToolResult['content'][number];
const maxPictures = 8;

/** A server's result for the model. Pictures and other bytes become files of the workspace, and pictures are shown too. */
export async function toolResult(
  ctx: ToolContext,
  { content, structuredContent, isError }: CallToolResult,
  newName: () => string,
): Promise<ToolResult> {
  const texts: string[] = [];
  const pictures = [];
  for (const block of content) {
    const bytes = bytesOf(block);
    if (!bytes) {
      texts.push(textOf(block));
      continue;
    }
    const { said, picture } = await keptBytes(ctx, { ...bytes, name: newName() });
    texts.push(said);
    if (picture && pictures.length < maxPictures) pictures.push(picture);
  }
  if (content.length === 0 && structuredContent !== undefined) texts.push(JSON.stringify(structuredContent));
  const output = texts.join('\n') || (isError ? 'The tool failed and said nothing.' : 'The tool returned nothing.');
  const more = { content: { result: output }, ...(pictures.length > 0 && { pictures }) };
  return isError ? { ok: false, reason: 'failed', output, ...more } : { ok: true, output, ...more };
}

function bytesOf(block: Block): { data: Buffer; mimeType: string } | undefined {
  if (block.type === 'image' || block.type === 'audio') return decoded(block.data, block.mimeType);
  if (block.type === 'resource' && 'blob' in block.resource) {
    return decoded(block.resource.blob, block.resource.mimeType ?? 'application/octet-stream');
  }
  return undefined;
}
const decoded = (data: string, mimeType: string) => ({ data: Buffer.from(data, 'base64'), mimeType });

function textOf(block: Block): string {
  if (block.type === 'text') return block.text;
  if (block.type === 'resource_link') return `[${block.name}: ${block.uri}] ${block.description ?? ''}`.trim();
  if (block.type === 'resource' && 'text' in block.resource) return `[${block.resource.uri}]\n${block.resource.text}`;
  return '';
}
