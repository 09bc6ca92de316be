import { costTab } from './cost/tab.ts';
import type { WorkTab } from './tab.ts';

/** In the order of the pane. The first one that shows is open at first. */
export const tabs: readonly WorkTab[] = [costTab];
