import { useEffect, useRef, useState } from 'preact/hooks';
import { isDarkTheme } from '../data/prefs.ts';
import type { DiagramReport, DiagramRequest } from '../diagram/messages.ts';
import { CopyButton } from '../parts/kit/copy-button.tsx';
import { t } from '../text/text.ts';

const maxText = 20_000; // characters
const maxHeight = 1_600;
const firstHeight = 160;
/** The diagram is drawn once its text has not changed for this many ms. */
const restMs = 400;
const answerMs = 10_000;
const loadMs = 30_000;
let nextId = 1;

/** `failed`: not a valid diagram yet. `hung`: the frame did not answer in time. */
type Drawing = 'waiting' | 'failed' | 'hung' | { readonly height: number };

/** Draws in a frame with an opaque origin. Shows the source on failure. */
export function Diagram({ source }: { source: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const whole = useRef<HTMLDivElement>(null);
  const [isNear, setNear] = useState(false);
  const [isReady, setReady] = useState(false);
  const [drawing, setDrawing] = useState<Drawing>('waiting');
  const latest = useRef(0);
  const answered = useRef(() => {});
  const isDark = isDarkTheme();
  useEffect(() => {
    const onMessage = ({ data, source: from }: MessageEvent<DiagramReport>) => {
      if (!frame.current || from !== frame.current.contentWindow) return;
      if (data.kind === 'ready') setReady(true);
      if (data.kind === 'ready' || data.id !== latest.current) return;
      answered.current();
      if (data.kind === 'failed') setDrawing('failed');
      else setDrawing({ height: Math.min(maxHeight, Math.max(40, Number(data.height) || firstHeight)) });
    };
    addEventListener('message', onMessage);
    return () => removeEventListener('message', onMessage);
  }, []);
  useEffect(() => {
    if (!whole.current) return undefined;
    const seen = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) setNear(true);
      },
      { rootMargin: '400px' },
    );
    seen.observe(whole.current);
    return () => seen.disconnect();
  }, []);
  useEffect(() => {
    if (!isNear || isReady) return undefined;
    const end = setTimeout(() => setDrawing('hung'), loadMs);
    return () => clearTimeout(end);
  }, [isNear, isReady]);
  useEffect(() => {
    if (!isReady) return undefined;
    const id = nextId++;
    const ask = () => {
      latest.current = id;
      const order: DiagramRequest = { id, source, isDark };
      frame.current?.contentWindow?.postMessage(order, '*'); // an opaque origin cannot be specified as the target
    };
    const begin = setTimeout(ask, restMs);
    let isAnswered = false;
    answered.current = () => {
      isAnswered = true;
    };
    const end = setTimeout(() => isAnswered || setDrawing('hung'), restMs + answerMs);
    return () => {
      clearTimeout(begin);
      clearTimeout(end);
    };
  }, [isReady, source, isDark]);
  const isTried = source.length <= maxText && drawing !== 'hung';
  const isShown = isTried && drawing !== 'failed';
  const text = (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide block scrolls, also by keyboard
    <pre tabIndex={0}>
      <code>{source}</code>
    </pre>
  );
  return (
    <div ref={whole} class="code tinted diagram box">
      <div class="code-head between quiet small-text row">
        <span>{isShown ? t('diagram') : 'mermaid'}</span>
        <CopyButton text={source} />
      </div>
      {isTried && isNear && (
        <iframe
          ref={frame}
          class={isShown ? undefined : 'not-drawn'}
          src="/static/diagram.html"
          title={t('diagram')}
          sandbox="allow-scripts"
          referrerpolicy="no-referrer"
          style={{ height: `${typeof drawing === 'object' ? drawing.height : firstHeight}px` }}
        />
      )}
      {isShown ? (
        <details>
          <summary>{t('diagram.source')}</summary>
          {text}
        </details>
      ) : (
        text
      )}
    </div>
  );
}
