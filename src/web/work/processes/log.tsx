import { useEffect, useMemo, useState } from 'preact/hooks';
import { toErrorText } from '../../data/server.ts';
import { stripAnsi } from '../../parts/ansi.ts';
import { Button } from '../../parts/kit/button.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { t } from '../../text/text.ts';
import { readFileRange, toFileUrl } from '../files/store.ts';
import { ProcessLogReader } from './log-reader.ts';

const lookMs = 1_000;
const lineHeight = 20; // must match conversation.css

interface Props {
  readonly sessionId: string;
  readonly path: string;
  readonly isRunning: boolean;
}

export function ProcessLogView({ sessionId, path, isRunning }: Props) {
  const [trouble, setTrouble] = useState('');
  const log = useMemo(
    () => new ProcessLogReader((from, length) => readFileRange(toFileUrl(sessionId, path), from, length)),
    [path],
  );
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const look = async () => {
      await log.more().then(
        () => setTrouble(''),
        (thrown: unknown) => setTrouble(toErrorText(thrown)),
      );
      if (!isOver && isRunning) timer = setTimeout(look, lookMs);
    };
    void look();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [log, isRunning]);
  const lines = log.lines.value;
  return (
    <>
      {trouble !== '' && <p class="work-note bad-text">{trouble}</p>}
      {log.start.value > 0 && (
        <p class="work-note">
          <Button
            kind="quiet"
            label={t('processes.earlier')}
            onClick={() => tryOrNotify(t('processes.logUnread'), () => log.earlier())}
          />
          <Button
            kind="quiet"
            label={t('processes.whole')}
            onClick={() => tryOrNotify(t('processes.logUnread'), () => log.all())}
          />
        </p>
      )}
      <VirtualList
        class="console padded scrolls mono pre lines process-log fill"
        role="log"
        label={t('processes.log')}
        count={lines.length}
        rowHeight={lineHeight}
        followsEnd
        row={(n) => (
          <div key={n} class="line">
            {stripAnsi(lines[n] ?? '')}
          </div>
        )}
      />
    </>
  );
}
