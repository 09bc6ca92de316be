import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { query } from '../../data/server.ts';
import { modelLabel } from '../../models/state.ts';
import { count, locale, price, short } from '../../parts/format.ts';
import { Choice } from '../../parts/kit/choice.tsx';
import { Trouble, useTrouble } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { CsvButton } from '../administration/csv.tsx';
import { SharedBudgets } from './budgets.tsx';

type Report = Outputs['usage']['report'];
type Total = Report['total'];
const dimensions = ['person', 'model', 'project', 'session', 'day'] as const;
type Dimension = (typeof dimensions)[number];
const ranges = ['7', '30', '90'] as const;
type Range = (typeof ranges)[number];

const dayMs = 86_400_000;
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** The usage of the person's sessions by day; administrators see all. */
export function Usage() {
  const [by, setBy] = useState<Dimension>('model');
  const [range, setRange] = useState<Range>('30');
  const [report, setReport] = useState<Report>();
  const [trouble, tryIt] = useTrouble();
  useEffect(() => {
    let isOver = false;
    const now = Date.now();
    void tryIt(t('usage.unread'), async () => {
      const request = { from: dayOf(now - (Number(range) - 1) * dayMs), to: dayOf(now), by };
      const found = await query('usage.report', request);
      if (!isOver) setReport(found);
    });
    return () => {
      isOver = true;
    };
  }, [by, range]);
  return (
    <>
      <div class="choices start">
        <Choice<Range>
          label={t('usage.days')}
          value={range}
          options={ranges.map((value) => ({ value, label: t('usage.lastDays', { n: value }) }))}
          onChange={setRange}
        />
        <Choice<Dimension>
          label={t('usage.by')}
          value={by}
          options={dimensions.map((value) => ({ value, label: t(`usage.by.${value}`) }))}
          onChange={setBy}
        />
      </div>
      <Trouble text={trouble} />
      {report && report.total.turns === 0 && <p class="quiet">{t('usage.none')}</p>}
      {report && report.total.turns > 0 && (
        <>
          <p>
            {report.total.unpriced < report.total.turns && <strong>{`${price(report.total.cost)} · `}</strong>}
            <span>{t('usage.total', wordsOfTotal(report.total))}</span>
            {report.total.unpriced > 0 && (
              <span class="quiet">{` · ${t('usage.unpriced', { n: count(report.total.unpriced) })}`}</span>
            )}
          </p>
          <Chart days={report.days} />
          <Groups groups={report.groups} by={by} />
          <CsvButton name={`usage-by-${by}`} table={() => tableOf(report, by)} />
        </>
      )}
      <p class="quiet">{t('usage.about')}</p>
      <SharedBudgets />
    </>
  );
}

const amounts = ['turns', 'inputTokens', 'cachedTokens', 'outputTokens', 'cost', 'unpriced'] as const;
const tableOf = ({ groups }: Report, by: Dimension) => [
  [by, 'name', ...amounts],
  ...groups.map((group) => [group.id, group.name, ...amounts.map((amount) => group[amount])]),
];

const wordsOfTotal = ({ inputTokens, outputTokens, turns }: Total) => ({
  in: short(inputTokens),
  out: short(outputTokens),
  turns: count(turns),
});

const dayName = (day: string) =>
  new Date(day).toLocaleDateString(locale(), { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** One bar per day: its cost, or its tokens if no price is known. */
function Chart({ days }: { days: Report['days'] }) {
  const isPriced = days.some(({ cost }) => cost > 0);
  const amountOf = (day: Total) => (isPriced ? day.cost : day.inputTokens + day.outputTokens);
  const most = Math.max(...days.map(amountOf), 1e-9);
  const [first, last] = [days[0]?.day ?? '', days.at(-1)?.day ?? ''];
  return (
    <figure class="usage-chart">
      <figcaption class="quiet">{t(isPriced ? 'usage.costByDay' : 'usage.tokensByDay')}</figcaption>
      <svg viewBox={`0 0 ${days.length * 10} 100`} preserveAspectRatio="none" aria-hidden="true">
        {days.map((day, at) => {
          const height = (amountOf(day) / most) * 100;
          return (
            <rect key={day.day} x={at * 10 + 1} y={100 - height} width="8" height={height}>
              <title>{`${dayName(day.day)}: ${isPriced ? price(day.cost) : count(amountOf(day))}`}</title>
            </rect>
          );
        })}
      </svg>
      <div class="usage-axis quiet">
        <span>{dayName(first)}</span>
        <span>{t('usage.most', { most: isPriced ? price(most) : short(most) })}</span>
        <span>{dayName(last)}</span>
      </div>
    </figure>
  );
}

function labelOf(by: Dimension, name: string): string {
  if (by === 'model') return modelLabel(name);
  if (by === 'day') return dayName(name);
  return name || t(by === 'person' ? 'usage.nobody' : 'noProject');
}

function Groups({ groups, by }: { groups: Report['groups']; by: Dimension }) {
  return (
    <div class="usage-table">
      <table aria-label={t('usage.table')}>
        <thead>
          <tr>
            <th scope="col">{t(`usage.by.${by}`)}</th>
            <th scope="col">{t('cost.turns')}</th>
            <th scope="col">{t('cost.input')}</th>
            <th scope="col">{t('output')}</th>
            <th scope="col">{t('usage.cost')}</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.id}>
              <th scope="row">{labelOf(by, group.name)}</th>
              <td>{count(group.turns)}</td>
              <td>{short(group.inputTokens)}</td>
              <td>{short(group.outputTokens)}</td>
              <td>{group.unpriced === group.turns ? t('cost.unknown') : price(group.cost)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
