import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { AgentDesktop, SessionDesktop } from '../run/run-context.ts';
import type { ScreenshotStore } from './screenshots.ts';

interface Browsers {
  of(client: SandboxClient): ReturnType<SessionDesktop['browserOf']>;
  release(client: SandboxClient): void;
}
const askMs = 2_000;

export function createAgentDesktop(browsers: Browsers, pictures: ScreenshotStore): AgentDesktop {
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
