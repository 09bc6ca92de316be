import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ToolItem } from '../../data/items.ts';
import { toErrorText } from '../../data/server.ts';
import { currentSessionId } from '../../data/sessions.ts';
import { parseAnsiRows } from '../../parts/ansi.ts';
import { formatCount } from '../../parts/format.ts';
import { TextLines } from '../../parts/text-lines.ts';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { t } from '../../text/text.ts';
import { readFileRange, toFileUrl } from '../../work/files/store.ts';
import { AnsiSpans } from './spans.tsx';

const partBytes = 4 * 1024 * 1024;
const lineHeight = 20; // must match conversation.css
const leftOut = /\n\[… \d+ bytes left out …\]\n/;

export interface FullOutputFile {
  readonly sessionId: string;
  readonly path: string;
}

/**
 * File with the full output of a command in the selected session. Undefined: another tool's output, another session, or the
 * logged output is not truncated.
 */
export function findFullOutputFile(
  { sessionId, runId, callId, family }: ToolItem,
  text: string,
): FullOutputFile | undefined {
  if (family !== 'shell' || sessionId !== currentSessionId.value || !leftOut.test(text)) return undefined;
  return { sessionId, path: `.corral/output/${runId}.${callId}.log` };
}

export function FullOutput({ file: { sessionId, path } }: { file: FullOutputFile }) {
  const lines = useMemo(() => new TextLines(), [path]);
  const [size, setSize] = useState(0);
  const [problem, setProblem] = useState('');
  const [, setBytes] = useState(0);
  useEffect(() => {
    let isOver = false;
    const load = async () => {
      for (;;) {
        const { bytes, size: all } = await readFileRange(toFileUrl(sessionId, path), lines.bytes, partBytes);
        if (isOver || bytes.length === 0) return;
        lines.add(bytes);
        setSize(all);
        setBytes(lines.bytes);
        if (lines.bytes >= all) return; // the server refuses a part beyond the end
      }
    };
    load().catch((thrown: unknown) => setProblem(toErrorText(thrown)));
    return () => {
      isOver = true;
    };
  }, [path]);
  return (
    <>
      {problem !== '' && <p class="tool-note padded border-top quiet bad-text">{t('wholeGone', { why: problem })}</p>}
      {lines.bytes < size && (
        <p class="tool-note padded border-top quiet" role="status">
          <progress value={lines.bytes} max={size} aria-label={t('loading')} />{' '}
          {t('linesSoFar', { n: formatCount(lines.count) })}
        </p>
      )}
      <VirtualList
        class="console padded scrolls mono pre lines"
        role="group"
        label={t('output')}
        count={lines.count}
        rowHeight={lineHeight}
        row={(n) => (
          <div key={n} class="line">
            <AnsiSpans spans={parseAnsiRows(lines.line(n)).flat()} />
          </div>
        )}
      />
    </>
  );
}
