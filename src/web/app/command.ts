import type { IconName } from '../parts/kit/icon.tsx';
import type { TextKey } from '../text/texts.ts';

/** `keys` is a shortcut that works while no dialog is open. `mod` is Ctrl, or Cmd on a Mac. */
export interface PaletteCommand {
  readonly id: string;
  readonly label: TextKey;
  readonly icon: IconName;
  readonly keys?: string;
  readonly when?: () => boolean;
  readonly run: () => void;
}
