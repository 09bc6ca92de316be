import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Outputs, SandboxStatus } from '../../../client/types.ts';
import { mutateWithRetry, query, toErrorText } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { stripAnsi } from '../../parts/ansi.ts';
import { formatBytes, formatDateTime } from '../../parts/format.ts';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { EmptyState } from '../../parts/kit/empty.tsx';
import { LoadPlaceholder } from '../../parts/kit/trouble.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { t } from '../../text/text.ts';
import { readFileRange, toFileUrl } from '../files/store.ts';
import { SandboxState } from '../sandbox-state.tsx';
import { ProcessLogReader } from './log-reader.ts';

type Process = Outputs['processes']['list'][number];
const lookMs = 3_000;

export function ProcessesPane({ session: { id: sessionId } }: { session: Session }) {
  const [all, setAll] = useState<readonly Process[]>();
  const [sandbox, setSandbox] = useState<SandboxStatus>();
  const [services, setServices] = useState<Outputs['sandbox']['services']>([]);
  const [trouble, setTrouble] = useState('');
  const [shown, setShown] = useState<number>();
  const look = async () => {
    setSandbox(await query('sandbox.status', { sessionId }));
    setAll(await query('processes.list', { sessionId }));
    setServices(await query('sandbox.services', { sessionId }));
    setTrouble('');
  };
  const tryLook = () => void look().catch((thrown: unknown) => setTrouble(toErrorText(thrown)));
  useEffect(() => {
    tryLook();
    const timer = setInterval(tryLook, lookMs);
    return () => clearInterval(timer);
  }, [sessionId]);
  const open = all?.find(({ pid }) => pid === shown);
  if (!all || trouble !== '') return <LoadPlaceholder problem={trouble} again={tryLook} />;
  if (open) {
    const isAsleep = sandbox?.state !== 'running' || sandbox.condition === 'paused';
    return <OpenProcess process={open} sessionId={sessionId} isAsleep={isAsleep} onClose={() => setShown(undefined)} />;
  }
  const stop = (pid: number) =>
    tryOrNotify(t('processes.stop'), async () => {
      await mutateWithRetry('processes.stop', { sessionId, pid });
      await look();
    });
  return (
    <>
      {sandbox && <SandboxState sandbox={sandbox} sessionId={sessionId} onChange={setSandbox} />}
      {services.length > 0 && (
        <ul class="processes scrolls" aria-label={t('services.title')}>
          {services.map(({ name, image, ports, state, exitCode }) => (
            <li key={name}>
              <div class="row tree-row full">
                <code class="cut fill">
                  {ports.length === 0 ? name : ports.map((port) => `${name}:${port}`).join(' ')}
                </code>
                <span
                  class={`${['exited', 'unhealthy'].includes(state) ? 'bad-text' : 'quiet'} figures small-text rigid`}
                >
                  {`${image} · ${state === 'exited' ? t('services.exited', { code: exitCode ?? '?' }) : t(`services.${state}`)}`}
                </span>
              </div>
            </li>
          ))}
        </ul>
      )}
      {all.length === 0 && <p class="quiet empty">{t('processes.none')}</p>}
      <ul class="processes scrolls" aria-label={t('tab.processes')}>
        {[...Map.groupBy(all, ({ cmd }) => toProgramName(cmd))].map(([name, [first, ...others]]) => (
          <li key={name}>
            {first && <Row process={first} name={name} show={setShown} stop={stop} />}
            {others.length > 0 && (
              <details>
                <summary class="quiet small-text">{t('processes.more', { n: others.length, name })}</summary>
                <ul>
                  {others.map((process) => (
                    <li key={`${process.pid} ${process.started}`}>
                      <Row process={process} name={name} show={setShown} stop={stop} />
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

/** Omits the folder, and environment variables before the program. */
const toProgramName = (cmd: string): string => {
  const word = cmd.split(/\s+/).find((part) => part !== '' && !/^\w+=/.test(part)) ?? cmd;
  return word.split('/').at(-1) || word;
};

interface RowProps {
  readonly process: Process;
  readonly name: string;
  readonly show: (pid: number) => void;
  readonly stop: (pid: number) => void;
}
const Row = ({ process, name, show, stop }: RowProps) => (
  <div class="row process">
    <button
      type="button"
      class="fill grid round small-text"
      disabled={process.log === ''}
      title={process.cmd}
      onClick={() => show(process.pid)}
    >
      <strong class="cut">{name}</strong>
      <span class="quiet">{aboutProcess(process)}</span>
      <code class="cut quiet">{process.cmd}</code>
    </button>
    {process.status === 'running' && (
      <IconButton icon="stop" label={t('processes.stopOne', { pid: process.pid })} onClick={() => stop(process.pid)} />
    )}
  </div>
);

function aboutProcess({ pid, status, memoryBytes, ports = [], started }: Process): string {
  return [
    t('processes.pid', { pid }),
    t(`processes.${status}`),
    ...(memoryBytes === undefined ? [] : [t('processes.memory', { size: formatBytes(memoryBytes) })]),
    ...ports.map((port) => t('processes.port', { port })),
    formatDateTime(started),
  ].join(' · ');
}

interface OpenProps {
  readonly process: Process;
  readonly sessionId: string;
  /** Whether reading the log would start the sandbox. */
  readonly isAsleep: boolean;
  readonly onClose: () => void;
}

function OpenProcess({ process: { cmd, status, log }, sessionId, isAsleep, onClose }: OpenProps) {
  const [mayStart, setMayStart] = useState(false);
  return (
    <section class="file fill stack" aria-label={cmd}>
      <header class="row work-bar border-bottom rigid">
        <IconButton icon="back" label={t('processes.back')} onClick={onClose} />
        <h2 class="cut file-name mono bold" title={cmd}>
          {cmd}
        </h2>
        <span class="quiet figures small-text rigid">{t(`processes.${status}`)}</span>
      </header>
      {isAsleep && !mayStart ? (
        <EmptyState text={t('processes.asleep')}>
          <Button label={t('processes.show')} onClick={() => setMayStart(true)} />
        </EmptyState>
      ) : (
        <ProcessLogView sessionId={sessionId} path={log} isRunning={status === 'running'} />
      )}
    </section>
  );
}

const readMs = 1_000;
const lineHeight = 20; // must match conversation.css

function ProcessLogView({ sessionId, path, isRunning }: { sessionId: string; path: string; isRunning: boolean }) {
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
      if (!isOver && isRunning) timer = setTimeout(look, readMs);
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
