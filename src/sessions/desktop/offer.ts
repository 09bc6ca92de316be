import type { DesktopAvailability } from '../api/desktop.ts';

/** Why a sandbox has no desktop, and how to get one. Empty: the reason is unknown. */
export function describeMissingDesktop({ state, detail = '', seconds = 0 }: DesktopAvailability): string {
  switch (state) {
    case 'none':
      return detail;
    case 'building':
      return `The image with the desktop is being built (for ${seconds} s${detail && `, ${detail}`}). New sandboxes have one then.`;
    case 'failed':
      return `The image with the desktop could not be built, which the server tries again. ${detail}`;
    case 'ready':
      return 'This sandbox is older than the image with the desktop. A person can add one with the command `corral desktop --add`, or the procedure desktop.add.';
  }
}
