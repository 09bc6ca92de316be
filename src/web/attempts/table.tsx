import { useState } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { price, short } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { t } from '../text/text.ts';

type AttemptSet = Outputs['attempts']['get'];
type Attempt = AttemptSet['attempts'][number];
interface Props {
  readonly set: AttemptSet;
  readonly open: (session: string) => void;
  readonly choose: (n: number, others: 'keep' | 'delete') => Promise<void>;
}

/** The attempts side by side: state, changes, checks, score and cost of each. */
export function AttemptsTable({ set, open, choose }: Props) {
  const [isDeleting, setDeleting] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const take = async (n: number) => {
    setBusy(true);
    await choose(n, isDeleting ? 'delete' : 'keep');
    setBusy(false);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls, also by keyboard */}
      <section class="attempts-table" tabIndex={0} aria-label={t('attempts.title')}>
        <table aria-label={t('attempts.title')}>
          <thead>
            <tr>
              {(['attempt', 'state', 'diff', 'passed', 'score', 'cost', 'choose'] as const).map((name) => (
                <th key={name} scope="col">
                  {t(`attempts.${name}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {set.attempts.map((one) => (
              <tr key={one.n}>
                <td>
                  <Button class="small" disabled={one.isGone} onClick={() => open(one.sessionId)}>
                    {`${one.n}${(one.model ?? one.template) ? ` ${one.model ?? one.template}` : ''}`}
                  </Button>
                </td>
                <td title={one.error ?? one.result?.goal?.reason}>
                  {t(`attempts.state.${one.state}`)}
                  {one.result?.goal && ` · ${t(`attempts.goal.${one.result.goal.result}`)}`}
                  {set.best === one.n && ` · ${t('attempts.best')}`}
                  {one.error !== null && <div class="quiet">{one.error}</div>}
                </td>
                <td title={one.result?.unknown ?? undefined}>{diffOf(one)}</td>
                <td>{checksOf(one)}</td>
                <td>{one.result?.score ?? '–'}</td>
                <td>{one.cost > 0 ? price(one.cost) : t('attempts.tokens', { n: short(one.tokens) })}</td>
                <td>
                  {set.chosen === one.n ? (
                    t(set.phase === 'chosen' ? 'attempts.chosen' : 'attempts.choosing')
                  ) : (
                    <Button
                      class="small"
                      disabled={isBusy || one.isGone || one.result === null || set.phase === 'choosing'}
                      aria-label={t('attempts.chooseOne', { n: String(one.n) })}
                      onClick={() => take(one.n)}
                    >
                      {t('attempts.choose')}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <label class="check">
        <input type="checkbox" checked={isDeleting} onChange={(event) => setDeleting(event.currentTarget.checked)} />
        <span>{t('attempts.deleteOthers')}</span>
      </label>
    </>
  );
}

function diffOf({ result }: Attempt): string {
  if (!result) return '–';
  if (result.files === null) return '?';
  return t('attempts.lines', { n: result.files, added: String(result.added), removed: String(result.removed) });
}

function checksOf({ result }: Attempt): string {
  const checks = result?.checks ?? [];
  const passed = checks.filter((check) => check.result === 'passed').length;
  return checks.length === 0 ? '–' : `${passed}/${checks.length}`;
}
