import { signal } from '@preact/signals';
import { workPaneWidth } from '../data/prefs.ts';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { t } from '../text/text.ts';

export const isDraggingDivider = signal(false);
const least = 320;

export function Divider() {
  if (workPaneWidth.value === 0) return null;
  const resize = (width: number) => {
    workPaneWidth.value = Math.round(Math.min(Math.max(width, least), innerWidth - 420));
  };
  return (
    <div
      class="divider"
      role="separator"
      aria-orientation="vertical"
      aria-label={t('resize')}
      aria-valuenow={workPaneWidth.value}
      aria-valuemin={least}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        isDraggingDivider.value = true;
      }}
      onPointerMove={(event) => isDraggingDivider.value && resize(innerWidth - event.clientX)}
      onPointerUp={() => {
        isDraggingDivider.value = false;
      }}
      onKeyDown={(event) => {
        const key = pressedKeyOf(event);
        if (key === 'ArrowLeft') resize(workPaneWidth.value + 32);
        if (key === 'ArrowRight') resize(workPaneWidth.value - 32);
      }}
    />
  );
}
