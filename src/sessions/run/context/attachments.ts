import type { Readable } from 'node:stream';
import { attachedFilesHeading, type Picture } from '../../../agents/models/model.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { MessageId } from '../../../core/model/ids.ts';
import { attachmentsFolder, findAttachmentPath } from '../../../core/text/file-names.ts';
import { detectPictureType, maxPictureBytes, pictureHeadBytes } from '../../../core/text/pictures.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';

export interface UploadReader {
  /** Undefined if there is no such upload or it cannot be read now. */
  find(id: string): Promise<{ readonly name: string; readonly size: number } | undefined>;
  open(id: string): Promise<Readable>;
}
export interface AttachedFile {
  readonly id: string;
  readonly path: string;
}
export interface ResolvedMessage {
  readonly text: string;
  readonly pictures: readonly Picture[];
  readonly attached: readonly AttachedFile[];
}
interface UserText {
  readonly messageId: MessageId;
  readonly text: string;
  readonly attachments?: readonly string[];
}

const maxPathChars = 500;
const maxPictures = 8;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export async function resolveAttachments(
  received: readonly UserText[],
  files: UploadReader | undefined,
  workdir: string,
): Promise<ReadonlyMap<MessageId, ResolvedMessage>> {
  const shown = new Map<MessageId, ResolvedMessage>();
  for (const { messageId, text, attachments = [] } of received) {
    const pictures: Picture[] = [];
    const attached: AttachedFile[] = [];
    const lines: string[] = [];
    for (const value of attachments) {
      const file = uuid.test(value) ? await files?.find(value) : undefined;
      if (!file) {
        lines.push(`- ${value.slice(0, maxPathChars)}${uuid.test(value) ? ' (this upload cannot be read)' : ''}`);
        continue;
      }
      const path = findAttachmentPath({ ...file, id: value });
      const mimeType = file.size <= maxPictureBytes ? await pictureType(files, value) : undefined;
      if (mimeType && pictures.length < maxPictures) pictures.push({ file: value, mimeType });
      if (path !== undefined) attached.push({ id: value, path });
      const where = path === undefined ? 'too large to be copied into the workspace' : `${workdir}/${path}`;
      lines.push(`- ${file.name} (${file.size} bytes): ${where}`);
    }
    const list = lines.length > 0 ? attachedFilesHeading + lines.join('\n') : '';
    shown.set(messageId, { text: text + list, pictures, attached });
  }
  return shown;
}

/** Detects the type from the content, because providers reject an image whose declared type is wrong. */
async function pictureType(files: UploadReader | undefined, id: string): Promise<string | undefined> {
  const stream = await files?.open(id).catch(() => undefined); // the model still gets the path
  if (!stream) return undefined;
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of stream) {
      head = Buffer.concat([head, chunk as Buffer]);
      if (head.length >= pictureHeadBytes) break;
    }
  } catch {
    return undefined;
  }
  return detectPictureType(head);
}

const brought = new WeakMap<SandboxClient, Set<string>>();

/** Copies each file once per sandbox. Existing files are not overwritten. */
export async function attachFiles(
  requested: readonly AttachedFile[],
  files: UploadReader,
  { client, signal }: { readonly client: SandboxClient; readonly signal: AbortSignal },
): Promise<void> {
  const done = brought.get(client) ?? new Set();
  brought.set(client, done);
  const missing = requested.filter(({ id }) => !done.has(id));
  if (missing.length === 0) return;
  const present = await client
    .listFiles(attachmentsFolder, signal)
    .then((entries) => new Set(entries.map(({ name }) => `${attachmentsFolder}/${name}`)), skipped(new Set<string>()));
  for (const { id, path } of missing) {
    done.add(id);
    if (present.has(path)) continue;
    const copy = async () => {
      const stream = await files.open(id);
      await client.writeFile(path, Buffer.concat((await stream.toArray({ signal })) as Buffer[]), signal);
    };
    await copy().catch(skipped(undefined));
  }
}

/** Errors that abort copying. After any other `AppError`, copying continues with the next file. */
const ends = /^(sandbox_.*|oom|cancelled)$/;
const skipped =
  <Value>(value: Value) =>
  (thrown: unknown): Value => {
    if (thrown instanceof AppError && !ends.test(thrown.code)) return value;
    throw thrown;
  };
