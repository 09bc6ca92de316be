import { buffer } from 'node:stream/consumers';
import type { StoredPicture, ToolContext } from '../../agents/tools/tool.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { UploadStore } from '../projects/uploads.ts';

type PictureBytes = Parameters<NonNullable<ToolContext['keepPicture']>>[0];

/** Keeps only the newest screenshots of each session. */
export interface ScreenshotStore {
  keep(id: SessionId, picture: PictureBytes, signal: AbortSignal): Promise<StoredPicture | undefined>;
  /** Base64; undefined if the file cannot be read. */
  load(file: string): Promise<string | undefined>;
  forget(id: SessionId): Promise<void>;
}

interface Deps {
  readonly uploads: Pick<UploadStore, 'stage' | 'keep' | 'ofSession' | 'open' | 'delete' | 'deleteSession'>;
  readonly keepPerSession: number;
  readonly newName: () => string;
  readonly urlOf: (file: string) => string;
  readonly warn: (about: object, text: string) => void;
}
export function createScreenshotStore({ uploads, keepPerSession, newName, urlOf, warn }: Deps): ScreenshotStore {
  async function prune(session: SessionId): Promise<void> {
    for (const { id } of (await uploads.ofSession(session)).slice(keepPerSession)) await uploads.delete(id);
  }
  return {
    async keep(id, { mimeType, data }, signal) {
      const name = `screenshot-${newName()}.${mimeType.slice('image/'.length).replace('jpeg', 'jpg')}`;
      try {
        const file = { projectId: null, sessionId: id, name, type: 'output', mimeType, content: once(data) } as const;
        await using staged = await uploads.stage(file, signal);
        const [kept] = await uploads.keep([staged]);
        await prune(id);
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
        .catch(() => undefined), // an unreadable picture is omitted so that the turn can continue
    forget: (id) => uploads.deleteSession(id),
  };
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}
