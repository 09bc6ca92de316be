import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { type BudgetLimit, budgetLimits, mapBudgetLimits } from '../../../core/model/runs/budget-limits.ts';
import { currentUser } from '../../data/people.ts';
import { mutate, query } from '../../data/server.ts';
import { formatBytes, formatCount, formatUsd } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { ResourceList, useResourceList } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { t } from '../../text/text.ts';

type Budget = Outputs['budgets']['list'][number];

export function SharedBudgetList() {
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

/** Placeholder of an empty field: the default limit. If the holder has its own limit, the server does not report the default. */
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
