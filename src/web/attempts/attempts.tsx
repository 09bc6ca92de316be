import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { GoalTextFields } from '../conversation/goal/goal-fields.tsx';
import { go } from '../data/route.ts';
import { mutate, query } from '../data/server.ts';
import { modelLabel } from '../models/state.ts';
import { price, short } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { CheckField, LongTextField } from '../parts/kit/field.tsx';
import { Trouble, useTrouble } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';

type AttemptSet = Outputs['attempts']['get'];

const lookMs = 2_000;

/** The attempts of a session: begins some, compares them, and chooses one. */
export const openAttempts = (id: string): void => showDialog(<AttemptsDialog id={id} />);

function AttemptsDialog({ id }: { id: string }) {
  const [all, setAll] = useState<readonly AttemptSet[]>();
  const [isNew, setNew] = useState(false);
  const [trouble, tryIt] = useTrouble();
  const read = async () => {
    setAll(await query('attempts.list', { sessionId: id }));
  };
  useEffect(() => {
    void tryIt(t('attempts.read'), read);
    const timer = setInterval(() => void read().catch(() => {}), lookMs);
    return () => clearInterval(timer);
  }, []);
  const act = async (what: string, work: () => Promise<unknown>) => {
    await tryIt(what, work);
    await read().catch(() => {});
  };
  const [newest] = all ?? [];
  const open = (session: string) => {
    closeDialog();
    go(session);
  };
  return (
    <Dialog title={t('attempts.title')} wide>
      <p class="quiet">{t('attempts.about')}</p>
      <Trouble text={trouble} />
      {newest && !isNew && (
        <>
          <p>
            <strong>{newest.task.slice(0, 200)}</strong>
          </p>
          <AttemptsTable
            set={newest}
            open={open}
            choose={(n, others) =>
              act(t('attempts.choose'), () => mutate('attempts.choose', { sessionId: id, id: newest.id, n, others }))
            }
          />
          {newest.error !== null && <p class="note bad">{newest.error}</p>}
          <div class="choices">
            {newest.phase === 'running' ? (
              <Button
                kind="danger"
                icon="stop"
                label={t('stop')}
                onClick={() => act(t('stop'), () => mutate('attempts.stop', { sessionId: id, id: newest.id }))}
              />
            ) : (
              <Button icon="plus" label={t('attempts.again')} onClick={() => setNew(true)} />
            )}
          </div>
        </>
      )}
      {all && (isNew || !newest) && (
        <AttemptsForm
          begin={(wish) =>
            act(t('attempts.begin'), async () => {
              await mutate('attempts.start', { sessionId: id, ...wish });
              setNew(false);
            })
          }
        />
      )}
    </Dialog>
  );
}

interface AttemptsWish {
  readonly task: string;
  readonly attempts: number | { model?: string }[];
  readonly goal?: { rubric?: string; checks: { command: string }[] };
}

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

function AttemptsForm({ begin }: { begin: (wish: AttemptsWish) => Promise<void> }) {
  const [task, setTask] = useState('');
  const [number, setNumber] = useState(3);
  const [models, setModels] = useState('');
  const [goal, setGoal] = useState({ rubric: '', checks: '' });
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    const named = linesOf(models);
    const { rubric } = goal;
    const commands = linesOf(goal.checks).map((command) => ({ command }));
    const hasGoal = rubric.trim() !== '' || commands.length > 0;
    await begin({
      task,
      attempts:
        named.length === 0
          ? number
          : Array.from({ length: number }, (_, n) => ({ model: named[n % named.length] as string })),
      ...(hasGoal && { goal: { ...(rubric.trim() !== '' && { rubric }), checks: commands } }),
    });
    setBusy(false);
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <LongTextField label={t('attempts.task')} rows={3} required maxLength={200_000} value={task} onChange={setTask} />
      <label class="labelled">
        <span>{t('attempts.number')}</span>
        <input
          class="field"
          type="number"
          min={2}
          max={8}
          value={number}
          onInput={(event) => setNumber(event.currentTarget.valueAsNumber)}
        />
      </label>
      <LongTextField label={t('attempts.models')} rows={2} value={models} onChange={setModels} />
      <GoalTextFields texts={goal} onChange={setGoal} />
      <div class="choices">
        <Button label={t('cancel')} onClick={closeDialog} />
        <Button type="submit" kind="primary" icon="fork" label={t('attempts.begin')} disabled={isBusy} />
      </div>
    </form>
  );
}

type Attempt = AttemptSet['attempts'][number];
interface Props {
  readonly set: AttemptSet;
  readonly open: (session: string) => void;
  readonly choose: (n: number, others: 'keep' | 'delete') => Promise<void>;
}

/** The attempts side by side: state, changes, checks, score and cost of each. */
function AttemptsTable({ set, open, choose }: Props) {
  const [isDeleting, setDeleting] = useState(false);
  const [isBusy, setBusy] = useState(false);
  // Without a measure the best one is only the cheapest.
  const isMeasured = set.attempts.some(
    ({ result }) => result && (result.goal || result.checks.length > 0 || result.score !== null),
  );
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
                  <Button
                    class="small"
                    label={[one.n, one.model ? modelLabel(one.model) : one.template].filter(Boolean).join(' ')}
                    disabled={one.isGone}
                    onClick={() => open(one.sessionId)}
                  />
                </td>
                <td title={one.error ?? one.result?.goal?.reason}>
                  {t(`attempts.state.${one.state}`)}
                  {one.result?.goal && ` · ${t(`attempts.goal.${one.result.goal.result}`)}`}
                  {isMeasured && set.best === one.n && ` · ${t('attempts.best')}`}
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
                      label={t('attempts.choose')}
                      disabled={isBusy || one.isGone || one.result === null || set.phase === 'choosing'}
                      aria-label={t('attempts.chooseOne', { n: String(one.n) })}
                      onClick={() => take(one.n)}
                    />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <CheckField label={t('attempts.deleteOthers')} isOn={isDeleting} onChange={setDeleting} />
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
