import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface DesktopPrograms {
  readonly display: string;
  readonly browser: string;
  /** The window manager. Without one, windows stay where they open. */
  readonly windows: string | undefined;
}

export function findDesktopPrograms(path: string): DesktopPrograms | undefined {
  const display = firstOf(['Xvnc', 'Xtigervnc'], path);
  // Prefers the binary to the wrapper script, whose flags are meant for personal computers.
  const browser = firstOf(['/usr/lib/chromium/chromium', 'chromium', 'chromium-browser', 'google-chrome'], path);
  return display && browser ? { display, browser, windows: firstOf(['openbox'], path) } : undefined;
}

function firstOf(names: readonly string[], path: string): string | undefined {
  const candidates = names.flatMap((name) =>
    name.startsWith('/') ? [name] : path.split(delimiter).map((folder) => join(folder, name)),
  );
  return candidates.find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
