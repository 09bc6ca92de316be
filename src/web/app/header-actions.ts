import type { Session } from '../data/sessions.ts';
import type { IconName } from '../parts/icon.tsx';
import { openShare } from '../sharing/share-dialog.tsx';
import type { TextKey } from '../text/texts.ts';

/** A button in the header, for the selected session. */
export interface HeaderAction {
  readonly id: string;
  readonly icon: IconName;
  readonly label: TextKey;
  /** Absent: always. */
  readonly shows?: (session: Session) => boolean;
  readonly run: (session: Session) => void;
}

/** In their order. A room adds its own from a file of its own. */
export const headerActions: readonly HeaderAction[] = [
  { id: 'share', icon: 'share', label: 'share.title', run: openShare },
];
