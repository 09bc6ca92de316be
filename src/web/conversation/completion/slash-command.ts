import type { IconName } from '../../parts/kit/icon.tsx';
import type { TextKey } from '../../text/texts.ts';

/** The name is the same in every language and in `corral chat`. */
export interface SlashCommand {
  readonly name: string;
  readonly icon: IconName;
  readonly about: TextKey;
  /** False: the command has nothing to act on. Absent: always available. */
  readonly when?: () => boolean;
  readonly run: () => void;
}
