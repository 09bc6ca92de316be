import type RFB from '@novnc/novnc';
import { effect, signal } from '@preact/signals';
import { isTouchDevice } from '../parts/touch.ts';
import type { TextKey } from '../text/texts.ts';
import { isInOtherFrame } from './address.ts';

export interface ControlNotice {
  readonly type: 'control';
  readonly who: 'you' | 'another' | 'nobody';
  readonly mayControl: boolean;
  readonly clipboard: boolean;
}

export type ScreenConnectionState = 'pending' | 'live' | 'waiting' | 'failed';

export interface ScreenOverlay {
  /** Text from the relay, shown before the text of `key`. */
  readonly detail?: string;
  readonly key?: TextKey;
  readonly seconds?: number;
  /** Label of the reconnect button. Absent: reconnecting cannot help. */
  readonly retry?: TextKey;
}

const nobody: ControlNotice = { type: 'control', who: 'nobody', mayControl: false, clipboard: false };

export const screenConnectionState = signal<ScreenConnectionState>('pending');
export const screenOverlay = signal<ScreenOverlay | undefined>({ key: 'screen.connecting' });
export const desktopControl = signal(nobody);
export const rfbClient = signal<RFB | undefined>(undefined);
export const desktopClipboard = signal('');
export const isViewOnly = signal(false);
export const isScaledToFit = signal(true);
/** True if dragging a finger moves the view of a larger screen. */
export const isPanning = signal(false);
export const canPan = (): boolean => !isInOtherFrame && !isScaledToFit.value && isTouchDevice();

/** Touching the screen never takes control, because fingers also scroll the page. */
export const isInputBlocked = (): boolean =>
  isInOtherFrame ||
  isViewOnly.value ||
  !desktopControl.value.mayControl ||
  desktopControl.value.who === 'another' ||
  (isTouchDevice() && desktopControl.value.who === 'nobody');

export function setScreenState(state: ScreenConnectionState, over?: ScreenOverlay): void {
  screenConnectionState.value = state;
  screenOverlay.value = over;
}

effect(() => {
  const client = rfbClient.value;
  if (!client) return;
  client.viewOnly = isInputBlocked();
  client.scaleViewport = isInOtherFrame || isScaledToFit.value;
  client.clipViewport = canPan(); // mouse users scroll with scroll bars instead
  client.dragViewport = client.viewOnly || (canPan() && isPanning.value);
});
