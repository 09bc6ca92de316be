import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { findTitleLine } from '../../../core/text/text.ts';
import { DiffView } from '../../conversation/tool-result.tsx';
import { sessionEventCount, sessionEvents } from '../../data/log.ts';
import { mutate, query } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { escapeHiddenCharacters, truncateLine } from '../../parts/bounded-text.ts';
import type { DiffLine } from '../../parts/diff.ts';
import { RelativeTime } from '../../parts/kit/ago.tsx';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { confirmAction } from '../../parts/kit/dialog.tsx';
import { ChoiceField } from '../../parts/kit/field.tsx';
import { useLoadedData } from '../../parts/kit/trouble.tsx';
import { notify, tryOrNotify } from '../../parts/notice.tsx';
import { ForkButton } from '../../sharing/fork.tsx';
import { t } from '../../text/text.ts';

const settleMs = 2_000;

type Checkpoint = Outputs['checkpoints']['list'][number];

export function CheckpointList({ session: { id: sessionId, status } }: { session: Session }) {
  const [from, setFrom] = useState<number>();
  const read = () => query('checkpoints.list', { sessionId });
  const { now: all, problem, again } = useLoadedData(read, [sessionId, status]);
  // A run's checkpoint is created shortly after the run ends.
  useEffect(() => {
    const timer = setTimeout(again, settleMs);
    return () => clearTimeout(timer);
  }, [status]);
  return (
    <section class="stack" aria-label={t('checkpoints')}>
      <header class="row ship-head between wrap">
        <h2>{t('checkpoints')}</h2>
        <IconButton icon="retry" label={t('checkpoints.refresh')} onClick={again} />
      </header>
      {problem !== '' && <p class="bad-text">{problem}</p>}
      {all?.length === 0 && <p class="quiet">{t('checkpoints.none')}</p>}
      {all && all.length > 0 && (
        <>
          <ol class="checkpoints scrolls stack" reversed>
            {all.toReversed().map(({ number, runId, seq, at, files }) => {
              const name = t('checkpoints.one', { number });
              return (
                <li key={number} class="row box padded wrap between">
                  <p class="row checkpoint-about wrap small-text">
                    <strong>{name}</strong>
                    <span>{aboutRun(number, runId)}</span>
                    <span class="quiet">
                      <RelativeTime at={at} /> · {t('checkpoints.files', { n: files })}
                    </span>
                  </p>
                  <div class="row ship-row wrap">
                    <Button
                      class="small"
                      label={t('checkpoints.compare')}
                      aria-pressed={number === from}
                      aria-label={t('checkpoints.compareOne', { name })}
                      onClick={() => setFrom(number === from ? undefined : number)}
                    />
                    <Button
                      kind="quiet"
                      class="small"
                      label={t('restore')}
                      aria-label={t('checkpoints.restoreOne', { name })}
                      onClick={() => askToRestore(sessionId, number, again)}
                    />
                    {seq !== null && <ForkButton seq={seq} label={t('checkpoints.forkOne', { name })} />}
                  </div>
                </li>
              );
            })}
          </ol>
          {from !== undefined && <Comparison key={from} sessionId={sessionId} from={from} all={all} />}
        </>
      )}
    </section>
  );
}

function aboutRun(number: number, runId: string | null): string {
  if (runId === null) return t(number === 0 ? 'checkpoints.first' : 'checkpoints.atRestore');
  const started =
    sessionEventCount.value > 0 && sessionEvents.find((one) => one.type === 'run.started' && one.runId === runId);
  const task = started && started.type === 'run.started' ? findTitleLine(started.data.task) : '';
  return task
    ? t('checkpoints.afterTask', { task: truncateLine(escapeHiddenCharacters(task), 80) })
    : t('checkpoints.afterRun');
}

function askToRestore(sessionId: string, number: number, onDone: () => void): void {
  const name = t('checkpoints.one', { number });
  confirmAction({
    title: t('checkpoints.restoreAsk', { name }),
    text: t('checkpoints.restoreText', { name }),
    yes: t('restore'),
    act: () =>
      void tryOrNotify(t('checkpoints.notRestored', { name }), async () => {
        const { before } = await mutate('checkpoints.restore', { sessionId, number });
        notify(t('checkpoints.restored', { name, before: t('checkpoints.one', { number: before }) }));
        onDone();
      }),
  });
}

function Comparison({ sessionId, from, all }: { sessionId: string; from: number; all: readonly Checkpoint[] }) {
  const [to, setTo] = useState<number>();
  const range = { sessionId, from, ...(to !== undefined && { to }) };
  const { now: found, problem } = useLoadedData(() => query('checkpoints.diff', range), [sessionId, from, to, all]);
  const others = all.filter(({ number }) => number !== from).toReversed();
  return (
    <div class="stack ship-form raised box padded">
      <ChoiceField
        label={t('checkpoints.with', { name: t('checkpoints.one', { number: from }) })}
        value={String(to ?? '')}
        choices={[
          ['', t('checkpoints.now')],
          ...others.map(({ number }) => [String(number), t('checkpoints.one', { number })] as const),
        ]}
        onChange={(value) => setTo(value === '' ? undefined : Number(value))}
      />
      {!found && problem === '' && <p class="quiet">{t('checkpoints.comparing')}</p>}
      {problem !== '' && <p class="bad-text">{problem}</p>}
      {found?.files.length === 0 && <p class="quiet">{t('checkpoints.same')}</p>}
      {found && found.files.length > 0 && (
        <>
          <ul class="stack ship-files scrolls small-text breaks" aria-label={t('checkpoints.changed')}>
            {found.files.slice(0, 200).map(({ path, change }) => (
              <li key={path}>
                <span class="quiet">{t(`ship.${change}`)}</span> {escapeHiddenCharacters(path)}
              </li>
            ))}
          </ul>
          <DiffView lines={parseDiff(found.text)} textOf={escapeHiddenCharacters} />
          {found.truncated && <p class="quiet">{t('checkpoints.cut')}</p>}
        </>
      )}
    </div>
  );
}

function parseDiff(text: string): DiffLine[] {
  let isHeader = true;
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line): DiffLine => {
      if (line.startsWith('diff ')) isHeader = true;
      if (line.startsWith('@@')) {
        isHeader = false;
        return { kind: 'skipped', text: line };
      }
      if (isHeader) return { kind: 'same', text: line };
      const kind = line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'same';
      return { kind, text: line.slice(1) };
    });
}
