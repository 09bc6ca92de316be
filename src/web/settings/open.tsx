import { showDialog } from '../parts/dialog.tsx';
import { Settings } from './settings.tsx';

export const openSettings = (section?: string): void => showDialog(<Settings section={section} />);
