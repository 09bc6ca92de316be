import type { ComponentType } from 'preact';
import type { TextKey } from '../text/texts.ts';
import { Look } from './look.tsx';

/** A page of the settings. A new one is one file and one line here. */
interface Section {
  readonly id: string;
  readonly label: TextKey;
  readonly Body: ComponentType;
}

export const sections: readonly Section[] = [{ id: 'look', label: 'settings.look', Body: Look }];
