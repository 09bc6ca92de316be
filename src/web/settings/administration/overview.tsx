import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { currentUser } from '../../data/people.ts';
import { mutate, query } from '../../data/server.ts';
import { formatBytes, formatCount, formatDateTime } from '../../parts/format.ts';
import { List } from '../../parts/kit/list.tsx';
import { ConfirmButton } from '../../parts/kit/resource-list.tsx';
import { FormError, LoadPlaceholder, useActionError } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';

type Overview = Outputs['administration']['overview'];
type Sandbox = Overview['sandboxes'][number];
interface StateReading {
  readonly overview: Overview;
  readonly health: Outputs['system']['health'];
  /** Value of `performance.now()`, in ms. */
  readonly at: number;
}
const lookMs = 5_000;
const checks = ['storage', 'sandbox', 'model'] as const;

export function OverviewPage() {
  const [[now, before], setReadings] = useState<readonly StateReading[]>([]);
  const [trouble, tryIt] = useActionError();
  const [notice, setNotice] = useState('');
  const read = async () => {
    const [overview, health] = await Promise.all([
      query('administration.overview', undefined),
      query('system.health', undefined),
    ]);
    setReadings(([last]) => [{ overview, health, at: performance.now() }, ...(last ? [last] : [])]);
  };
  const look = () => void tryIt(t('administration.overview.unread'), read);
  useEffect(() => {
    look();
    const timer = setInterval(look, lookMs);
    return () => clearInterval(timer);
  }, []);
  if (!now) return <LoadPlaceholder problem={trouble} again={look} />;
  const { running, waiting, sandboxes, queue, storage } = now.overview;
  const stopAll = () =>
    tryIt(t('administration.notStopped'), async () => {
      const { stopped, failed } = await mutate('administration.stopAll', undefined);
      setNotice(t('administration.stopped', { n: formatCount(stopped), failed: formatCount(failed) }));
      await read();
    });
  const byHost = Object.entries(Object.groupBy(sandboxes, ({ host }) => host));
  return (
    <>
      <Part title={t('administration.health')}>
        <List
          items={checks.map((name) => {
            const { status, detail } = now.health.checks[name];
            const { driver, name: model } = { driver: '', name: '', ...now.health.checks[name] };
            const weaknesses = name === 'sandbox' ? (now.health.checks.sandbox.weaknesses ?? []) : [];
            return {
              key: name,
              title: t(`administration.health.${name}`),
              code: driver || model || storage.store,
              lines: [
                t(`administration.health.${status}`),
                ...(detail === undefined ? [] : [detail]),
                ...weaknesses.map(({ text }) => text),
              ],
              waits: status !== 'healthy',
            };
          })}
        />
      </Part>
      <Part title={t('administration.runs')}>
        <div class="row account between wrap breaks">
          <span>{t('administration.atWork', { running: formatCount(running), waiting: formatCount(waiting) })}</span>
          {currentUser.value?.role === 'admin' && running + waiting > 0 && (
            <ConfirmButton
              label={t('administration.stopAll')}
              name={t('administration.stopAll')}
              ask={t('administration.stopAllAsk', { running: formatCount(running), waiting: formatCount(waiting) })}
              act={stopAll}
            />
          )}
        </div>
        {notice !== '' && <p role="status">{notice}</p>}
        <FormError text={trouble} />
        <List
          none={t('administration.queue.none')}
          label={t('administration.queue')}
          items={queue.map(({ sessionId, title, since, reason, budget, ...whose }) => ({
            key: sessionId,
            title: title || sessionId,
            lines: [
              [ownerOf(whose), t('administration.since', { at: formatDateTime(since) })].join(' · '),
              t(budget ? `administration.budget.${budget}` : `administration.waits.${reason ?? 'answer'}`),
            ],
          }))}
        />
      </Part>
      <Part title={t('administration.sandboxes')}>
        <List
          none={t('administration.sandboxes.none')}
          items={byHost.map(([host, some = []]) => ({
            key: host,
            title: host,
            more: (
              <details>
                <summary>
                  {[t('administration.sandboxes.count', { n: formatCount(some.length) }), ...sumOf(some)].join(' · ')}
                </summary>
                <List label={host} items={some.map(toItem)} />
              </details>
            ),
          }))}
        />
      </Part>
      <Part title={t('administration.storage')}>
        <List
          items={[
            {
              key: 'store',
              title: t('administration.health.storage'),
              code: storage.store,
              lines: storage.bytes === null ? [] : [formatBytes(storage.bytes)],
            },
            {
              key: 'blobs',
              title: t('administration.files'),
              code: storage.blobs,
              lines: [
                t('administration.files.count', {
                  uploads: formatCount(storage.uploads),
                  snapshots: formatCount(storage.snapshots),
                }),
              ],
            },
            ...(storage.freeBytes === null
              ? []
              : [{ key: 'disk', title: t('administration.disk'), lines: [formatBytes(storage.freeBytes)] }]),
          ]}
        />
        <p class="quiet">{t('administration.backups')}</p>
      </Part>
    </>
  );

  /** Average number of processors in use between the last two readings. */
  function processorsOf({ sessionId, usage }: Sandbox): number | undefined {
    const last = before?.overview.sandboxes.find((one) => one.sessionId === sessionId)?.usage;
    if (!now || !before || !last || !usage) return undefined;
    return Math.max(0, ((usage.cpuSeconds - last.cpuSeconds) * 1_000) / (now.at - before.at));
  }
  function sumOf(some: readonly Sandbox[]): string[] {
    const known = some.map(processorsOf).filter((one) => one !== undefined);
    const memory = some.reduce((sum, { usage }) => sum + (usage?.memoryBytes ?? 0), 0);
    return [
      ...(known.length > 0 ? [processors(known.reduce((sum, one) => sum + one, 0))] : []),
      ...(memory > 0 ? [t('processes.memory', { size: formatBytes(memory) })] : []),
    ];
  }
  function toItem(sandbox: Sandbox) {
    const { sessionId, title, isPaused, usage } = sandbox;
    const limit = usage?.memoryLimitBytes ?? null;
    return {
      key: sessionId,
      title: title || sessionId,
      lines: [
        title === null ? t('administration.sandboxes.ready') : ownerOf(sandbox),
        [
          ...(isPaused ? [t('administration.paused')] : []),
          ...(!isPaused && !usage ? [t('administration.noLoad')] : []),
          ...sumOf([sandbox]),
          ...(limit === null ? [] : [t('administration.ofMemory', { size: formatBytes(limit) })]),
        ].join(' · '),
      ].filter(Boolean),
    };
  }
}

const processors = (used: number) => t('administration.processors', { n: formatCount(Math.round(used * 100)) });
const ownerOf = ({ owner, ownerName }: { readonly owner: string | null; readonly ownerName: string | null }) =>
  ownerName ?? owner ?? t('usage.nobody');

const Part = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <section class="stack" aria-label={title}>
    <h3>{title}</h3>
    {children}
  </section>
);
