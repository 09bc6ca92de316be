import { useEffect, useRef } from 'preact/hooks';
import { t } from '../text/text.ts';

interface Props {
  readonly src: string | undefined;
  readonly title: string;
  readonly allowed: string;
  /** Whether the page takes the focus once it has loaded. Used if the control that loaded it is gone. */
  readonly takesFocus?: boolean;
}

/** Tab skips a frame without controls, so a button moves the focus into the frame. */
export function PageFrame({ src, title, allowed, takesFocus = false }: Props) {
  const frame = useRef<HTMLIFrameElement>(null);
  const enter = () => frame.current?.focus();
  // Before the page has loaded, the focus stays with the frame, and keys do not reach the page.
  const enterLoaded = () => {
    const { activeElement } = document;
    if (takesFocus && (activeElement === document.body || activeElement === frame.current)) {
      frame.current?.blur();
      enter();
    }
  };
  useEffect(() => {
    if (takesFocus) enter();
  }, []);
  return (
    <div class="page-frame">
      <button type="button" class="skip" onClick={enter}>
        {t('preview.enter')}
      </button>
      <iframe ref={frame} src={src} title={title} sandbox={allowed} referrerpolicy="no-referrer" onLoad={enterLoaded} />
    </div>
  );
}
