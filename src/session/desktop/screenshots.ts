import { buffer } from 'node:stream/consumers';
import { AppError } from '../../core/errors.ts';
import { SessionId } from '../../core/ids.ts';
import type { KeptPicture, ToolContext } from '../../tools/tool.ts';
import type { UploadService } from '../projects/uploads.ts';

type PictureBytes = Parameters<NonNullable<ToolContext['keepPicture']>>[0];

/** Stores the screenshots of tool calls as files of their session; keeps a limited number of the newest. */
export interface PictureService {
  keep(id: SessionId, picture: PictureBytes, signal: AbortSignal): Promise<KeptPicture | undefined>;
  /** Base64; undefined when the file is no longer kept. */
  load(file: string): Promise<string | undefined>;
  forget(id: SessionId): Promise<void>;
}

interface Deps {
  readonly uploads: Pick<UploadService, 'stage' | 'keep' | 'ofProject' | 'open' | 'delete' | 'deleteProject'>;
  readonly keepPerSession: number;
  readonly newName: () => string;
  readonly warn: (about: object, text: string) => void;
}
/** The id under which uploads keep a session's screenshots; no project id has this form. */
const ownerOf = (id: SessionId) => `screens-${id}`;
/** The session that a screenshot folder belongs to; undefined for a project's id. */
export function sessionOfPictures(projectId: string): SessionId | undefined {
  const [, id] = /^screens-(.*)$/.exec(projectId) ?? [];
  return id === undefined ? undefined : SessionId.parse(id);
}
const urlOf = (file: string) => `/api/v1/files/${file}/download`;

export function pictureService({ uploads, keepPerSession, newName, warn }: Deps): PictureService {
  async function prune(owner: string): Promise<void> {
    for (const { id } of (await uploads.ofProject(owner)).slice(keepPerSession)) await uploads.delete(id);
  }
  return {
    async keep(id, { mimeType, data }, signal) {
      const owner = ownerOf(id);
      const name = `screenshot-${newName()}.${mimeType === 'image/png' ? 'png' : 'jpg'}`;
      try {
        const file = { projectId: owner, name, type: 'output', mimeType, content: once(data) } as const;
        await using staged = await uploads.stage(file, signal);
        const [kept] = await uploads.keep([staged]);
        await prune(owner);
        return kept && { file: kept.id, url: urlOf(kept.id), mimeType };
      } catch (thrown) {
        if (thrown instanceof AppError && thrown.code === 'cancelled') throw thrown;
        warn({ session: id, err: thrown }, 'a screenshot could not be kept');
        return undefined;
      }
    },
    load: (file) =>
      uploads
        .open(file)
        .then(async (stream) => (await buffer(stream)).toString('base64'))
        .catch(() => undefined), // an unreadable picture is left out, so the turn continues without it
    forget: (id) => uploads.deleteProject(ownerOf(id)),
  };
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}
