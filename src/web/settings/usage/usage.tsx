import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { type BudgetLimit, budgetLimits, mapBudgetLimits } from '../../../core/model/runs/budget-limits.ts';
import {
  maxUsageGroups,
  readAllUsageGroups,
  type UsageDimension,
  usageDimensions,
} from '../../../core/model/runs/usage-report.ts';
import { currentUser } from '../../data/people.ts';
import { mutate, query } from '../../data/server.ts';
import { formatModelLabel } from '../../models/state.ts';
import { findLocale, formatBytes, formatCompactCount, formatCount, formatUsd } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { SegmentedControl } from '../../parts/kit/choice.tsx';
import { ResourceList, useResourceList } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { LoadPlaceholder, useLoadedData } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { CsvButton } from '../administration/csv.tsx';

type Report = Outputs['usage']['report'] & { readonly by: UsageDimension };
type Total = Report['total'];
const ranges = ['7', '30', '90'] as const;
type Range = (typeof ranges)[number];

const chartedGroups = 4;
const listedGroups = 200;
const dayMs = 86_400_000;
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** Administrators and auditors see the usage of all sessions. */
export function UsagePage() {
  const [by, setBy] = useState<UsageDimension>('model');
  const [range, setRange] = useState<Range>('30');
  const read = async (limits: {
    dailyGroups: number;
    limit?: number;
    cursor?: string | undefined;
  }): Promise<Report> => {
    const now = Date.now();
    const days = { from: dayOf(now - (Number(range) - 1) * dayMs), to: dayOf(now) };
    return { ...(await query('usage.report', { ...days, by, ...limits })), by };
  };
  const readTable = async () => {
    const dailyGroups = by === 'day' || by === 'session' ? 0 : maxUsageGroups;
    const all = await readAllUsageGroups((cursor) => read({ dailyGroups, cursor }));
    return dailyGroups === 0 ? toTotalRows(all) : toDayRows(all);
  };
  const shownGroups = by === 'day' ? { dailyGroups: 0 } : { dailyGroups: chartedGroups, limit: listedGroups };
  const { now: report, problem, again } = useLoadedData(() => read(shownGroups), [by, range]);
  return (
    <>
      <div class="choices start">
        <SegmentedControl<Range>
          label={t('usage.days')}
          value={range}
          options={ranges.map((value) => ({ value, label: t('usage.lastDays', { n: value }) }))}
          onChange={setRange}
        />
        <SegmentedControl<UsageDimension>
          label={t('usage.by')}
          value={by}
          options={usageDimensions.map((value) => ({ value, label: t(`usage.by.${value}`) }))}
          onChange={setBy}
        />
      </div>
      {(!report || problem !== '') && <LoadPlaceholder problem={problem} again={again} />}
      {report && report.total.turns === 0 && <p class="quiet">{t('usage.none')}</p>}
      {report && report.total.turns > 0 && (
        <>
          <p>
            {report.total.unpriced < report.total.turns && <strong>{`${formatUsd(report.total.cost)} · `}</strong>}
            <span>{t('usage.total', wordsOfTotal(report.total))}</span>
            {report.total.unpriced > 0 && (
              <span class="quiet">{` · ${t('usage.unpriced', { n: formatCount(report.total.unpriced) })}`}</span>
            )}
          </p>
          <Chart {...report} />
          <Groups {...report} />
          <CsvButton name={`usage-by-${by}`} table={readTable} />
        </>
      )}
      <p class="quiet">{t('usage.about')}</p>
      <SharedBudgetList />
    </>
  );
}

const amounts = ['turns', 'inputTokens', 'cachedTokens', 'outputTokens', 'cost', 'unpriced'] as const;
const toTotalRows = ({ groups, by }: Report) => [
  [by, 'name', ...amounts],
  ...groups.map((group) => [group.id, group.name, ...amounts.map((amount) => group[amount])]),
];
const toDayRows = ({ groups, by }: Report) => [
  ['day', by, 'name', ...amounts],
  ...groups
    .flatMap(({ id, name, days }) => days.map((day) => [day.day, id, name, ...amounts.map((amount) => day[amount])]))
    .sort(([a = ''], [b = '']) => (a < b ? -1 : Number(a > b))),
];

const wordsOfTotal = ({ inputTokens, outputTokens, turns }: Total) => ({
  in: formatCompactCount(inputTokens),
  out: formatCompactCount(outputTokens),
  n: formatCount(turns),
});

const dayName = (day: string) =>
  new Date(day).toLocaleDateString(findLocale(), { day: 'numeric', month: 'short', timeZone: 'UTC' });

interface Series {
  /** Undefined: all groups that the chart does not show separately. */
  readonly name: string | undefined;
  readonly amounts: ReadonlyMap<string, number>;
}
function computeSeries({ groups, days, by }: Report, amountOf: (day: Total) => number): Series[] {
  const first = groups.filter((group) => group.days.length > 0);
  const named = first.map((group) => ({
    name: labelOf(by, group.name),
    amounts: new Map(group.days.map((day) => [day.day, amountOf(day)])),
  }));
  const left = (day: Report['days'][number]) =>
    named.reduce((sum, one) => sum - (one.amounts.get(day.day) ?? 0), amountOf(day));
  // Counts groups, because rounding errors can make the difference nonzero.
  const others = groups.length > first.length ? days.map((day) => [day.day, Math.max(0, left(day))] as const) : [];
  return [...named, ...(others.length > 0 ? [{ name: undefined, amounts: new Map(others) }] : [])];
}

function Chart(report: Report) {
  const { days } = report;
  const isPriced = days.some(({ cost }) => cost > 0);
  const amountOf = (day: Total) => (isPriced ? day.cost : day.inputTokens + day.outputTokens);
  const wordsOf = (amount: number) => (isPriced ? formatUsd(amount) : formatCount(amount));
  const most = Math.max(...days.map(amountOf), 1e-9);
  const [first, last] = [days[0]?.day ?? '', days.at(-1)?.day ?? ''];
  const series = computeSeries(report, amountOf);
  const isSplit = series.length > 1;
  return (
    <figure class="usage-chart">
      <figcaption class="quiet">{t(isPriced ? 'usage.costByDay' : 'usage.tokensByDay')}</figcaption>
      <svg viewBox={`0 0 ${days.length * 10} 100`} preserveAspectRatio="none" aria-hidden="true">
        {days.map(({ day }, at) => {
          let top = 100;
          return series.map(({ name, amounts: byDay }, n) => {
            const amount = byDay.get(day) ?? 0;
            const height = (amount / most) * 100;
            top -= height;
            const words = [dayName(day), ...(isSplit ? [name ?? t('usage.others')] : []), wordsOf(amount)];
            return (
              height > 0 && (
                <rect
                  key={`${day} ${n}`}
                  class={markOf(isSplit && name === undefined ? undefined : n)}
                  x={at * 10 + 1}
                  y={top}
                  width="8"
                  height={height}
                >
                  <title>{words.join(' · ')}</title>
                </rect>
              )
            );
          });
        })}
      </svg>
      <div class="usage-axis between small-text quiet row">
        <span>{dayName(first)}</span>
        <span>{t('usage.most', { most: isPriced ? formatUsd(most) : formatCompactCount(most) })}</span>
        <span>{dayName(last)}</span>
      </div>
    </figure>
  );
}
const markOf = (n: number | undefined) => `usage-mark-${n ?? 'others'}`;

function labelOf(by: UsageDimension, name: string): string {
  if (by === 'model') return formatModelLabel(name);
  if (by === 'day') return dayName(name);
  return name || t(by === 'person' ? 'usage.nobody' : 'usage.noProject');
}

function unlisted({ total, groups }: Report): Total {
  const left = (amount: (typeof amounts)[number]) => groups.reduce((sum, group) => sum - group[amount], total[amount]);
  return {
    turns: left('turns'),
    inputTokens: left('inputTokens'),
    cachedTokens: left('cachedTokens'),
    outputTokens: left('outputTokens'),
    cost: Math.max(0, left('cost')),
    unpriced: left('unpriced'),
  };
}

function Groups(report: Report) {
  const { groups, by, nextCursor } = report;
  const rows = groups.map((group, n) => ({
    ...group,
    label: labelOf(by, group.name),
    mark: markOf(group.days.length > 0 ? n : undefined),
  }));
  const others = { id: ':others', label: t('usage.others'), mark: markOf(undefined), ...unlisted(report) };
  return (
    <div class="usage-table">
      <table aria-label={t('usage.table')}>
        <thead>
          <tr>
            <th scope="col">{t(`usage.by.${by}`)}</th>
            {(['cost.turns', 'cost.input', 'output', 'usage.cost'] as const).map((name) => (
              <th key={name} scope="col">
                {t(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...rows, ...(nextCursor === null ? [] : [others])].map((group) => (
            <tr key={group.id}>
              <th scope="row">
                {by !== 'day' && <span class={`usage-mark ${group.mark}`} />}
                {group.label}
              </th>
              <td>{formatCount(group.turns)}</td>
              <td>{formatCompactCount(group.inputTokens)}</td>
              <td>{formatCompactCount(group.outputTokens)}</td>
              <td>{group.unpriced === group.turns ? t('cost.unknown') : formatUsd(group.cost)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type Budget = Outputs['budgets']['list'][number];

function SharedBudgetList() {
  const budgets = useResourceList<Budget>(t('budgets.unread'), () => query('budgets.list', undefined));
  const [open, setOpen] = useState('');
  return (
    <section aria-label={t('budgets')}>
      <h3>{t('budgets')}</h3>
      <ResourceList
        of={budgets}
        about={t('budgets.about')}
        none={t('budgets.none')}
        toItem={(budget) => {
          const key = `${budget.of}:${budget.id}`;
          const title = t('budgets.changeOne', { name: nameOf(budget) });
          return {
            key,
            title: nameOf(budget),
            action: currentUser.value?.role !== 'auditor' && open !== key && (
              <Button class="small" label={t('budgets.change')} onClick={() => setOpen(key)} aria-label={title} />
            ),
            more: (
              <div class="budget grid">
                {budgetLimits.map((limit) => (
                  <Amount key={limit} limit={limit} budget={budget} />
                ))}
                {open === key && (
                  <SchemaForm
                    of="budgets.change"
                    words="budgets"
                    title={title}
                    needsChange
                    note={t('budgets.empty')}
                    value={mapBudgetLimits((limit) => budget[limit].own)}
                    fields={mapBudgetLimits((limit) => ({ placeholder: usualOf(limit, budget) }))}
                    cancel={() => setOpen('')}
                    send={async (input) => {
                      const { of, id } = budget;
                      await mutate('budgets.change', { ...input, of, id });
                      await budgets.reload();
                      setOpen('');
                    }}
                  />
                )}
              </div>
            ),
          };
        }}
      />
    </section>
  );
}

const nameOf = ({ of, id, name }: Budget): string =>
  of === 'server'
    ? t('budgets.server')
    : t(of === 'person' ? 'budgets.person' : 'budgets.project', { name: name || id || t('usage.nobody') });
function shown(limit: BudgetLimit, amount: number): string {
  if (limit.endsWith('Bytes')) return formatBytes(amount);
  return limit.startsWith('cost') ? formatUsd(amount) : formatCount(amount);
}

/** If the holder has its own limit, the server does not report the default. */
function usualOf(name: BudgetLimit, budget: Budget): string {
  const { limit, own } = budget[name];
  if (own !== null) return t('budgets.usual');
  return limit === null ? t('budgets.unlimited') : t('budgets.usualIs', { limit: shown(name, limit) });
}

function Amount({ limit: name, budget }: { limit: BudgetLimit; budget: Budget }) {
  const { limit, used, reserved } = budget[name];
  if (limit === null) return null;
  const words = t('budgets.used', { used: shown(name, used + reserved), limit: shown(name, limit) });
  return (
    <>
      <span>{t(`budgets.${name}`)}</span>
      <span class="figures">{words}</span>
      <meter
        value={Math.min(used + reserved, limit)}
        max={Math.max(limit, 1e-9)}
        high={limit * 0.85}
        aria-label={`${t(`budgets.${name}`)}: ${words}`}
      />
    </>
  );
}
