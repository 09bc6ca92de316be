import { useEffect, useRef } from 'preact/hooks';
import { t } from '../text/text.ts';

interface Props {
  readonly src: string | undefined;
  readonly title: string;
  readonly allowed: string;
  /** Whether the page takes the focus on mount. Used if the control that loaded the page is gone. */
  readonly takesFocus?: boolean;
}

/** Tab skips a frame without controls, so a button moves the focus into the frame. */
export function PageFrame({ src, title, allowed, takesFocus = false }: Props) {
  const frame = useRef<HTMLIFrameElement>(null);
  const enter = () => frame.current?.focus();
  useEffect(() => {
    if (takesFocus) enter();
  }, []);
  return (
    <div class="page-frame">
      <button type="button" class="skip" onClick={enter}>
        {t('preview.enter')}
      </button>
      <iframe ref={frame} src={src} title={title} sandbox={allowed} referrerpolicy="no-referrer" />
    </div>
  );
}
