import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { type BudgetLimit, budgetLimits, forEachLimit } from '../../../core/model/runs/budget-limits.ts';
import { once, query } from '../../data/server.ts';
import { count, price } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { Trouble, useTrouble } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';

type Budget = Outputs['budgets']['list'][number];

/** The budgets of people and projects, which administrators change here. */
export function SharedBudgets() {
  const [all, setAll] = useState<readonly Budget[]>();
  const [open, setOpen] = useState('');
  const [trouble, tryIt] = useTrouble();
  useEffect(() => void tryIt(t('budgets.unread'), async () => setAll(await query('budgets.list', undefined))), []);
  const keyOf = ({ of, id }: Budget) => `${of}:${id}`;
  return (
    <section aria-label={t('budgets')}>
      <h3>{t('budgets')}</h3>
      <p class="quiet">{t('budgets.about')}</p>
      <Trouble text={trouble} />
      {all?.length === 0 && <p class="quiet">{t('budgets.none')}</p>}
      <ul class="budgets">
        {all?.map((budget) => (
          <li key={keyOf(budget)}>
            <strong>{nameOf(budget)}</strong>
            {budgetLimits.map((limit) => (
              <Amount key={limit} limit={limit} budget={budget} />
            ))}
            {open === keyOf(budget) ? (
              <LimitForm
                budget={budget}
                close={() => setOpen('')}
                saved={(now) => {
                  setAll(all.map((one) => (keyOf(one) === keyOf(now) ? now : one)));
                  setOpen('');
                }}
              />
            ) : (
              <Button
                class="small"
                onClick={() => setOpen(keyOf(budget))}
                aria-label={t('budgets.changeOne', { name: nameOf(budget) })}
              >
                {t('budgets.change')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const nameOf = ({ of, id, name }: Budget): string =>
  t(of === 'person' ? 'budgets.person' : 'budgets.project', { name: name || id || t('usage.nobody') });
const shown = (limit: BudgetLimit, amount: number): string =>
  limit.startsWith('cost') ? price(amount) : count(amount);

function Amount({ limit: name, budget }: { limit: BudgetLimit; budget: Budget }) {
  const { limit, used, reserved } = budget[name];
  if (limit === null) return null;
  const words = t('budgets.used', { used: shown(name, used + reserved), limit: shown(name, limit) });
  return (
    <>
      <span>{t(`budgets.${name}`)}</span>
      <span class="cost-amount">{words}</span>
      <meter
        value={Math.min(used + reserved, limit)}
        max={Math.max(limit, 1e-9)}
        high={limit * 0.85}
        aria-label={`${t(`budgets.${name}`)}: ${words}`}
      />
    </>
  );
}

interface FormProps {
  readonly budget: Budget;
  readonly close: () => void;
  readonly saved: (budget: Budget) => void;
}

/** An empty field means: as the settings say. */
function LimitForm({ budget, close, saved }: FormProps) {
  const [draft, setDraft] = useState(() => forEachLimit((limit) => String(budget[limit].own ?? '')));
  const [trouble, tryIt] = useTrouble();
  const limitIn = (limit: BudgetLimit) => {
    const text = draft[limit].trim();
    return text === '' ? null : text === 'unlimited' ? ('unlimited' as const) : Number(text);
  };
  const save = () =>
    tryIt(t('notSaved'), async () => {
      const { of, id } = budget;
      saved(await once('budgets.change', { of, id, ...forEachLimit(limitIn) }));
    });
  return (
    <form
      class="form"
      aria-label={t('budgets.changeOne', { name: nameOf(budget) })}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      {budgetLimits.map((limit) => (
        <label class="labelled" key={limit}>
          <span>{t(`budgets.${limit}`)}</span>
          <input
            class="field"
            inputMode="decimal"
            pattern="[0-9]*[.]?[0-9]*|unlimited"
            placeholder={t('budgets.usual')}
            value={draft[limit]}
            onInput={(event) => setDraft({ ...draft, [limit]: event.currentTarget.value })}
          />
        </label>
      ))}
      <p class="quiet">{t('budgets.empty')}</p>
      <Trouble text={trouble} />
      <div class="choices">
        <Button onClick={close}>{t('cancel')}</Button>
        <Button type="submit" kind="primary">
          {t('files.save')}
        </Button>
      </div>
    </form>
  );
}
