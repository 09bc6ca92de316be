import type { IconName } from '../../parts/kit/icon.tsx';
import type { TextKey } from '../../text/texts.ts';

/** A command of the message box. Its name is the same in every language, and the same as in `corral chat`. */
export interface SlashCommand {
  readonly name: string;
  readonly icon: IconName;
  readonly about: TextKey;
  /** False: there is nothing that it could act on now. Absent: always. */
  readonly when?: () => boolean;
  readonly run: () => void;
}
