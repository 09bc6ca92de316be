import type { ComponentType } from 'preact';
import type { Session } from '../data/sessions.ts';
import type { IconName } from '../parts/icon.tsx';
import type { TextKey } from '../text/texts.ts';

/** A tab of the work pane. Each tab is a folder whose `tab.ts` describes it; its component loads at its first use. */
export interface WorkTab {
  readonly id: string;
  readonly label: TextKey;
  readonly icon: IconName;
  /** Whether the session has such a tab. */
  shows(session: Session): boolean;
  /** How many things are there that nobody has seen, as a badge. */
  news?(): number;
  load(): Promise<ComponentType<{ session: Session }>>;
}
