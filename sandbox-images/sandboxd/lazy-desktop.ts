import { AppError } from '../../src/core/errors/errors.ts';
import type { Desktop } from './daemon.ts';
import type { DesktopOptions } from './desktop/desktop.ts';
import { findDesktopPrograms } from './desktop/programs.ts';
import type { DaemonState } from './shared-state.ts';

const unsupported = async (): Promise<never> => {
  throw new AppError('unsupported', 'This sandbox has no desktop: its image has no display and no browser.');
};
const stopped = { state: 'stopped', browser: 'stopped', restarts: { display: 0, browser: 0 } } as const;

export const unsupportedDesktop: Desktop = {
  status: () => ({ ...stopped, state: 'unsupported', width: 0, height: 0 }),
  start: unsupported,
  stop: unsupported,
  vnc: unsupported,
  watch: unsupported,
  cdp: unsupported,
  restartBrowser: unsupported,
  screenshot: unsupported,
  act: unsupported,
  pointer: unsupported,
};

/** Loads the desktop on first use, to save memory in sandboxes that never use it. */
export function createLazyDesktop(parts: DaemonState, options: Omit<DesktopOptions, 'programs'>): Desktop {
  const programs = findDesktopPrograms(parts.env.PATH ?? '');
  if (!programs) return unsupportedDesktop;
  let opened: Desktop | undefined;
  let opening: Promise<Desktop> | undefined;
  const desktop = () => {
    opening ??= import('./desktop/desktop.ts').then(({ createDesktop }) => {
      opened = createDesktop(parts, { ...options, programs });
      return opened;
    });
    return opening;
  };
  const { width, height } = options;
  return {
    status: () => opened?.status() ?? { ...stopped, width, height },
    start: async () => await (await desktop()).start(),
    async stop() {
      await opened?.stop();
    },
    vnc: async () => await (await desktop()).vnc(),
    watch: async () => await (await desktop()).watch(),
    cdp: async () => await (await desktop()).cdp(),
    async restartBrowser() {
      await opened?.restartBrowser();
    },
    screenshot: async () => await (await desktop()).screenshot(),
    act: async (action) => await (await desktop()).act(action),
    pointer: async () => await (await desktop()).pointer(),
  };
}
