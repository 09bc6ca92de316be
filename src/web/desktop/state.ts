import type RFB from '@novnc/novnc';
import { effect, signal } from '@preact/signals';
import type { TextKey } from '../text/texts.ts';
import { framed } from './address.ts';
import type { ControlNotice } from './channel.ts';

export type Connection = 'pending' | 'live' | 'waiting' | 'failed';

/** Text and button that cover a screen that is not live. */
export interface ScreenCover {
  /** The relay's own text, which takes precedence over the page's. */
  readonly detail?: string;
  readonly key?: TextKey;
  readonly seconds?: number;
  /** The reconnect button; absent if reconnecting cannot help. */
  readonly retry?: TextKey;
}

const nobody: ControlNotice = { type: 'control', who: 'nobody', mayControl: false, clipboard: false };

export const connection = signal<Connection>('pending');
export const cover = signal<ScreenCover | undefined>({ key: 'screen.connecting' });
export const control = signal(nobody);
export const rfb = signal<RFB | undefined>(undefined);
export const copied = signal(''); // the desktop's clipboard
export const watchOnly = signal(false);
export const fits = signal(true);

/** Whether this viewer's keyboard and mouse input is withheld from the desktop. */
export const isWatching = (): boolean =>
  framed || watchOnly.value || !control.value.mayControl || control.value.who === 'another';

export function show(state: Connection, over?: ScreenCover): void {
  connection.value = state;
  cover.value = over;
}

effect(() => {
  if (rfb.value) rfb.value.viewOnly = isWatching();
});
effect(() => {
  if (!rfb.value) return;
  rfb.value.scaleViewport = framed || fits.value;
  rfb.value.clipViewport = false;
});
