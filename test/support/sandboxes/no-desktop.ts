import { AppError } from '../../../src/core/errors/errors.ts';
import type { DesktopClient } from '../../../src/sandboxes/client/client.ts';

/** The desktop of a sandbox whose image has none. */
export function noDesktop(): DesktopClient {
  const unsupported = async (): Promise<never> => {
    throw new AppError('unsupported', 'This sandbox has no desktop.');
  };
  return {
    status: async () => ({
      state: 'unsupported',
      browser: 'stopped',
      width: 0,
      height: 0,
      restarts: { display: 0, browser: 0 },
    }),
    start: unsupported,
    stop: unsupported,
    vnc: unsupported,
    cdp: unsupported,
    cdpMessage: unsupported,
    restartBrowser: unsupported,
    screenshot: unsupported,
    act: unsupported,
    pointer: unsupported,
  };
}
