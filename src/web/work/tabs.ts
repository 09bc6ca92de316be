import type { ComponentType } from 'preact';
import type { Session } from '../data/sessions.ts';
import type { IconName } from '../parts/kit/icon.tsx';
import type { TextKey } from '../text/texts.ts';
import { unseenPorts } from './preview/state.ts';

/** The tab's component loads on first use. */
export interface WorkTab {
  readonly id: string;
  readonly label: TextKey;
  readonly icon: IconName;
  readonly shows?: (session: Session) => boolean;
  /** Number of unseen items, shown as a badge. */
  readonly news?: () => number;
  readonly load: () => Promise<ComponentType<{ session: Session }>>;
}

/** The first visible tab is open by default. */
export const workTabs: readonly WorkTab[] = [
  { id: 'files', label: 'tab.files', icon: 'folder', load: async () => (await import('./files/files.tsx')).FilesPane },
  {
    id: 'ship',
    label: 'tab.ship',
    icon: 'upload',
    shows: ({ repositories, hasCheckpoints }) => repositories.length > 0 || hasCheckpoints,
    load: async () => (await import('./ship/ship.tsx')).ShipPane,
  },
  {
    id: 'preview',
    label: 'tab.preview',
    icon: 'globe',
    news: () => unseenPorts.value.size,
    load: async () => (await import('./preview/preview.tsx')).PreviewPane,
  },
  {
    id: 'terminal',
    label: 'tab.terminal',
    icon: 'terminal',
    load: async () => (await import('./terminal/terminal.tsx')).TerminalsPane,
  },
  {
    id: 'processes',
    label: 'tab.processes',
    icon: 'bars',
    load: async () => (await import('./processes/processes.tsx')).ProcessesPane,
  },
  {
    id: 'desktop',
    label: 'tab.desktop',
    icon: 'screen',
    load: async () => (await import('./desktop/desktop.tsx')).DesktopPane,
  },
  {
    id: 'timeline',
    label: 'tab.timeline',
    icon: 'clock',
    load: async () => (await import('./timeline/timeline.tsx')).TimelinePane,
  },
  { id: 'cost', label: 'tab.cost', icon: 'coin', load: async () => (await import('./cost/cost.tsx')).CostPane },
];
