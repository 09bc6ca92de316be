import { costTab } from './cost/tab.ts';
import { desktopTab } from './desktop/tab.ts';
import { filesTab } from './files/tab.ts';
import { previewTab } from './preview/tab.ts';
import { processesTab } from './processes/tab.ts';
import { shipTab } from './ship/tab.ts';
import type { WorkTab } from './tab.ts';
import { terminalTab } from './terminal/tab.ts';
import { timelineTab } from './timeline/tab.ts';

/** In the order of the pane. The first one that shows is open at first. */
export const tabs: readonly WorkTab[] = [
  filesTab,
  shipTab,
  previewTab,
  terminalTab,
  processesTab,
  desktopTab,
  timelineTab,
  costTab,
];
