import type { IconName } from '../parts/kit/icon.tsx';
import type { TextKey } from '../text/texts.ts';

/** An entry of the palette. `keys` also works outside the palette: `mod` is Ctrl, or Cmd on a Mac. */
export interface PaletteCommand {
  readonly id: string;
  readonly label: TextKey;
  readonly icon: IconName;
  readonly keys?: string;
  /** Whether the entry is available. Absent: always. */
  readonly when?: () => boolean;
  readonly run: () => void;
}
