import type { z } from 'zod';
import { AppError, toAppError } from '../../../../core/errors/errors.ts';
import type { ApiBlock } from '../../../../core/model/events.ts';
import { detectPictureType, maxPictureBytes } from '../../../../core/text/pictures.ts';
import { invalidRequestError } from '../errors.ts';
import { toApiUploadId } from './ids.ts';
import type { InboundEvent, MessageContent, ResultContent } from './inbound.ts';

export interface ContentFileStore {
  /** Rejects: not_found, unsupported (this server keeps no files). */
  resolveUpload(fileId: string): Promise<string>;
  readHead(upload: string): Promise<{ readonly head: Buffer; readonly size: number; readonly name: string }>;
  /** Applies the session's egress policy. Rejects: forbidden, not_found, invalid_request (URLs are unsupported). */
  fetched(address: string): Promise<{ status: number; type: string; bytes: Buffer; isCut: boolean }>;
  /** Stores content that was sent inline. Returns the upload's id. */
  keep(file: { readonly name: string; readonly mimeType: string; readonly bytes: Buffer }): Promise<string>;
}
interface Content {
  readonly text: string;
  readonly files: readonly string[];
  readonly pictures: readonly { readonly file: string; readonly mimeType: string }[];
  readonly blocks: readonly ApiBlock[];
}
export interface EventContents {
  of(event: InboundEvent): Content;
}
type Block = z.output<typeof MessageContent> | z.output<typeof ResultContent>;
type FileBlock = Extract<Block, { type: 'image' | 'document' }>;

const nothing: Content = { text: '', files: [], pictures: [], blocks: [] };

/** Rejects: invalid_request, not_found, unsupported (this server keeps no files). */
export async function readEventContents(
  events: readonly InboundEvent[],
  files: ContentFileStore,
): Promise<EventContents> {
  const known = new Map<InboundEvent, Content>();
  for (const event of events) {
    if (!('content' in event)) continue;
    const content = await readContent(event.content ?? [], files);
    if (event.type === 'user.message' && content.text === '' && content.files.length === 0)
      throw invalidRequestError('content: a message needs a text, a picture or a document.');
    known.set(event, event.type === 'user.message' ? asMessage(content) : await asResult(content, files));
  }
  return { of: (event) => known.get(event) ?? nothing };
}

const asMessage = (content: Content): Content => ({
  ...content,
  text: content.text === '' ? 'See the attached files.' : content.text,
});

/** The model sees a result's images, but only the name and size of other files. */
async function asResult(content: Content, files: ContentFileStore): Promise<Content> {
  const pictures = [];
  const lines = [];
  for (const file of content.files) {
    const { head, size, name } = await files.readHead(file);
    const mimeType = size <= maxPictureBytes ? detectPictureType(head) : undefined;
    if (mimeType) pictures.push({ file, mimeType });
    else lines.push(`[${name}, ${size} bytes: the model cannot be shown this file]`);
  }
  return { ...content, pictures, text: [content.text, ...lines].filter((line) => line !== '').join('\n') };
}

async function readContent(blocks: readonly Block[], files: ContentFileStore): Promise<Content> {
  const texts: string[] = [];
  const uploads: string[] = [];
  const shown: ApiBlock[] = [];
  for (const block of blocks) {
    if (block.type === 'text') texts.push(block.text);
    else if (block.type === 'search_result') texts.push(JSON.stringify(block));
    else if (block.source.type === 'text') texts.push(block.source.data);
    if (block.type === 'text' || block.type === 'search_result' || block.source.type === 'text') {
      shown.push(block);
      continue;
    }
    const title = 'title' in block && block.title ? [`[${block.title}]`] : [];
    texts.push(...title);
    const { source } = block;
    const upload = source.type === 'file' ? await files.resolveUpload(source.file_id) : await keptBytes(block, files);
    uploads.push(upload);
    const fileId = source.type === 'file' ? source.file_id : toApiUploadId(upload);
    shown.push({ ...block, source: { type: 'file', file_id: fileId } });
  }
  return { text: texts.join('\n\n'), files: uploads, pictures: [], blocks: shown };
}

const base64 = /^[A-Za-z0-9+/]+={0,2}$/;
const types: Readonly<Record<FileBlock['type'], Readonly<Record<string, string>>>> = {
  image: { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/gif': 'gif', 'image/webp': 'webp' },
  document: { 'application/pdf': 'pdf', 'text/plain': 'txt' },
};
async function keptBytes({ type, source }: FileBlock, files: ContentFileStore): Promise<string> {
  if (source.type === 'url') return await keptAnswer(type, source.url, files);
  if (source.type !== 'base64') throw new AppError('internal', 'A part without bytes was kept.');
  const { media_type: mimeType, data } = source;
  const ending = types[type][mimeType];
  if (ending === undefined)
    throw invalidRequestError(
      `content.source.media_type: ${mimeType} is none of ${Object.keys(types[type]).join(', ')}.`,
    );
  if (data.length % 4 !== 0 || !base64.test(data)) throw invalidRequestError('content.source.data is not base64.');
  return await files.keep({ name: `${type}.${ending}`, mimeType, bytes: Buffer.from(data, 'base64') });
}

/** Stores the URL's current content, so that later changes have no effect. */
async function keptAnswer(kind: FileBlock['type'], url: string, files: ContentFileStore): Promise<string> {
  const { status, type, bytes, isCut } = await files.fetched(url).catch((thrown: unknown) => {
    const { code, publicMessage } = toAppError(thrown);
    if (code !== 'forbidden' && code !== 'not_found') throw thrown;
    throw invalidRequestError(`content.source.url: ${publicMessage}`);
  });
  if (status !== 200) throw invalidRequestError(`content.source.url: ${url} answered ${status}.`);
  if (isCut) throw invalidRequestError(`content.source.url: ${url} is larger than 10 MiB. Upload the file instead.`);
  const ending = types[kind][type];
  if (ending === undefined)
    throw invalidRequestError(
      `content.source.url: ${url} is "${type}", none of ${Object.keys(types[kind]).join(', ')}.`,
    );
  return await files.keep({ name: `${kind}.${ending}`, mimeType: type, bytes });
}
