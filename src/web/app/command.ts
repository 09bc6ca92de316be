import type { IconName } from '../parts/kit/icon.tsx';
import type { TextKey } from '../text/texts.ts';

/** An entry of the palette. `keys` works without the palette: `mod` is ctrl, or cmd on a Mac. */
export interface Command {
  readonly id: string;
  readonly label: TextKey;
  readonly icon: IconName;
  readonly keys?: string;
  /** Absent: always. */
  readonly when?: () => boolean;
  readonly run: () => void;
}
