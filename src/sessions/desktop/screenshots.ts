import { buffer } from 'node:stream/consumers';
import type { StoredPicture, ToolContext } from '../../agents/tools/tool.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { UploadStore } from '../projects/uploads.ts';
import type { DesktopProvider, SessionDesktop } from '../run/run-context.ts';

type PictureBytes = Parameters<NonNullable<ToolContext['keepPicture']>>[0];

export interface ScreenshotStore {
  keep(id: SessionId, picture: PictureBytes, signal: AbortSignal): Promise<StoredPicture | undefined>;
  /** Base64. Undefined: the file cannot be read. */
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
        .catch(() => undefined), // the turn continues without an unreadable image
    forget: (id) => uploads.deleteSession(id),
  };
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}

interface Browsers {
  of(client: SandboxClient): ReturnType<SessionDesktop['browserOf']>;
  release(client: SandboxClient): void;
}
const askMs = 2_000;

export function createDesktopProvider(browsers: Browsers, pictures: ScreenshotStore): DesktopProvider {
  const known = new WeakMap<SandboxClient, boolean>();

  async function existsIn(client: SandboxClient): Promise<boolean> {
    const before = known.get(client);
    if (before !== undefined) return before;
    const status = await client.desktop.status(AbortSignal.timeout(askMs)).catch(() => undefined);
    if (!status) return true; // the tool call that needs the desktop reports the failure
    known.set(client, status.state !== 'unsupported');
    return status.state !== 'unsupported';
  }
  return {
    of: (id) => ({
      existsIn,
      browserOf: (client) => browsers.of(client),
      keepPicture: (picture, signal) => pictures.keep(id, picture, signal),
      loadPicture: (file) => pictures.load(file),
    }),
    release: (client) => browsers.release(client),
  };
}
