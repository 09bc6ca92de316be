import { useEffect, useState } from 'preact/hooks';
import { parseRepository } from '../../core/text/repository-address.ts';
import { once, query } from '../data/server.ts';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { locale } from '../parts/format.ts';
import { Trouble, useTrouble } from '../parts/trouble.tsx';
import { t } from '../text/text.ts';
import { GoalFields, goalOf, goalTextsOf } from './goal-fields.tsx';
import { AfterFields, afterOf, HookFields, hookOf, type StartsChoice, startsOf } from './starts-fields.tsx';
import { type Automation, shownAs } from './state.ts';
import {
  choiceOf,
  cronOf,
  dayName,
  labelOf,
  ownZone,
  type ScheduleKind,
  scheduleKinds,
  timeIn,
  zones,
} from './times.ts';

interface Props {
  /** Undefined: a new one. */
  readonly automation?: Automation;
  readonly back: () => void;
}

type Repository = Automation['repositories'][number];
const lineOf = ({ url, ref }: Pick<Repository, 'url' | 'ref'>): string => (ref === undefined ? url : `${url}#${ref}`);

/** A repository that stays as it is keeps its folder, its depth and its access, which the form does not show. */
function repositoriesOf(text: string, before: readonly Repository[]) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const named = parseRepository(line);
    return before.find((one) => lineOf(one) === lineOf(named)) ?? named;
  });
}

const amountKinds = ['tokens', 'cost', 'toolCalls'] as const;
const amountsOf = (budget: Automation['budget']) => ({
  tokens: String(budget?.tokens ?? ''),
  cost: String(budget?.cost ?? ''),
  toolCalls: String(budget?.toolCalls ?? ''),
});

/** Name, task and times of an automation, with the next five times while they are chosen. */
export function AutomationForm({ automation, back }: Props) {
  const [name, setName] = useState(automation?.name ?? '');
  const [kind, setKind] = useState<Automation['kind']>(automation?.kind ?? 'run');
  const [repositories, setRepositories] = useState((automation?.repositories ?? []).map(lineOf).join('\n'));
  const [message, setMessage] = useState(automation?.message ?? '');
  const [goal, setGoal] = useState(goalTextsOf(automation?.goal));
  const [choice, setChoice] = useState(
    choiceOf(automation?.schedule?.cron ?? (automation ? undefined : '0 9 * * 1-5')),
  );
  const [timezone, setTimezone] = useState(automation?.schedule?.timezone ?? ownZone());
  const [whileRunning, setWhileRunning] = useState(automation?.whileRunning ?? 'skip');
  const [starts, setStarts] = useState<StartsChoice>(startsOf(automation));
  const [amounts, setAmounts] = useState(() => amountsOf(automation?.budget ?? null));
  const [trouble, tryIt] = useTrouble();
  const cron = cronOf(choice);
  const has = (...kinds: readonly ScheduleKind[]) => kinds.includes(choice.kind);
  const save = () =>
    tryIt(t('notSaved'), async () => {
      const schedule = cron === undefined ? null : { cron, timezone, missed: automation?.schedule?.missed ?? 'latest' };
      const numberOf = (text: string) => (text.trim() === '' ? null : Number(text));
      const limits = {
        turns: null,
        seconds: null,
        ...automation?.budget,
        tokens: numberOf(amounts.tokens),
        cost: numberOf(amounts.cost),
        toolCalls: numberOf(amounts.toolCalls),
      };
      const budget = Object.values(limits).some((limit) => limit !== null) ? limits : null;
      const spec = {
        name,
        kind,
        message: kind === 'run' ? message : '',
        goal: kind === 'run' ? goalOf(goal, automation?.goal) : null,
        repositories: repositoriesOf(repositories, automation?.repositories ?? []),
        schedule,
        hook: hookOf(starts),
        after: afterOf(starts),
        budget,
        whileRunning,
      };
      shownAs(
        automation
          ? await once('automations.update', { ...spec, id: automation.id, version: automation.version })
          : await once('automations.create', spec),
      );
      back();
    });
  return (
    <Dialog title={t(automation ? 'automations.change' : 'automations.new')} wide>
      <form
        class="form automation-form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label class="labelled">
          <span>{t('automations.name')}</span>
          <input
            class="field"
            required
            maxLength={255}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="labelled">
          <span>{t('automations.kind')}</span>
          <select
            class="field"
            value={kind}
            onChange={(event) => setKind(event.currentTarget.value as Automation['kind'])}
          >
            {(['run', 'prebuild'] as const).map((one) => (
              <option key={one} value={one}>
                {t(`automations.kind.${one}`)}
              </option>
            ))}
          </select>
        </label>
        {kind === 'run' && (
          <label class="labelled">
            <span>{t('automations.message')}</span>
            <textarea
              class="field"
              required
              rows={5}
              value={message}
              onInput={(event) => setMessage(event.currentTarget.value)}
            />
          </label>
        )}
        {kind === 'run' && <GoalFields texts={goal} onChange={setGoal} />}
        <label class="labelled">
          <span>{t('automations.repositories')}</span>
          <textarea
            class="field mono"
            required={kind === 'prebuild'}
            rows={2}
            placeholder="https://github.com/team/project.git#main"
            value={repositories}
            onInput={(event) => setRepositories(event.currentTarget.value)}
          />
        </label>
        <div class="automation-times">
          <label class="labelled">
            <span>{t('automations.when')}</span>
            <select
              class="field"
              value={choice.kind}
              onChange={(event) => setChoice({ ...choice, kind: event.currentTarget.value as ScheduleKind })}
            >
              {scheduleKinds.map((kind) => (
                <option key={kind} value={kind}>
                  {t(labelOf(kind))}
                </option>
              ))}
            </select>
          </label>
          {has('weekly') && (
            <label class="labelled">
              <span>{t('automations.day')}</span>
              <select
                class="field"
                value={String(choice.day)}
                onChange={(event) => setChoice({ ...choice, day: Number(event.currentTarget.value) })}
              >
                {[1, 2, 3, 4, 5, 6, 0].map((day) => (
                  <option key={day} value={String(day)}>
                    {dayName(day, locale())}
                  </option>
                ))}
              </select>
            </label>
          )}
          {has('daily', 'weekdays', 'weekly') && (
            <label class="labelled">
              <span>{t('automations.time')}</span>
              <input
                class="field"
                type="time"
                required
                value={choice.time}
                onInput={(event) => setChoice({ ...choice, time: event.currentTarget.value })}
              />
            </label>
          )}
          {has('own') && (
            <label class="labelled">
              <span>{t('automations.cron')}</span>
              <input
                required
                class="field mono"
                value={choice.cron}
                onInput={(event) => setChoice({ ...choice, cron: event.currentTarget.value })}
              />
            </label>
          )}
          {!has('hand') && (
            <label class="labelled">
              <span>{t('automations.zone')}</span>
              <input
                class="field"
                required
                list="time-zones"
                value={timezone}
                onInput={(event) => setTimezone(event.currentTarget.value)}
              />
              <datalist id="time-zones">
                {zones().map((zone) => (
                  <option key={zone} value={zone} />
                ))}
              </datalist>
            </label>
          )}
        </div>
        {cron !== undefined && <NextTimes cron={cron} timezone={timezone} />}
        <HookFields choice={starts} onChange={setStarts} />
        <AfterFields choice={starts} onChange={setStarts} own={automation?.id} />
        <label class="labelled">
          <span>{t('automations.whileRunning')}</span>
          <select
            class="field"
            value={whileRunning}
            onChange={(event) => setWhileRunning(event.currentTarget.value as typeof whileRunning)}
          >
            {(['skip', 'queue', 'stop'] as const).map((rule) => (
              <option key={rule} value={rule}>
                {t(`automations.${rule}`)}
              </option>
            ))}
          </select>
        </label>
        <div class="automation-times">
          {amountKinds.map((kind) => (
            <label class="labelled" key={kind}>
              <span>{t(`automations.budget.${kind}`)}</span>
              <input
                class="field"
                inputMode={kind === 'cost' ? 'decimal' : 'numeric'}
                pattern={kind === 'cost' ? '[0-9]*[.]?[0-9]*' : '[0-9]*'}
                value={amounts[kind]}
                onInput={({ currentTarget }) => setAmounts({ ...amounts, [kind]: currentTarget.value })}
              />
            </label>
          ))}
        </div>
        <Trouble text={trouble} />
        <div class="choices">
          <Button type="button" onClick={back}>
            {t('cancel')}
          </Button>
          <Button kind="primary" type="submit">
            {t('automations.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** The server's answer, so that what is shown is what will happen. */
function NextTimes({ cron, timezone }: { cron: string; timezone: string }) {
  const [times, setTimes] = useState<readonly string[]>([]);
  const [trouble, tryIt] = useTrouble();
  useEffect(() => {
    let isOver = false;
    const timer = setTimeout(() => {
      void tryIt(t('automations.noTimes'), async () => {
        const found = await query('automations.times', { cron, timezone });
        if (!isOver) setTimes(found.times);
      }).then((worked) => {
        if (!worked && !isOver) setTimes([]);
      });
    }, 300);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [cron, timezone]);
  return (
    <div class="next-times" aria-live="polite">
      <Trouble text={trouble} />
      {times.length > 0 && (
        <>
          <h3>{t('automations.nextTimes')}</h3>
          <ol>
            {times.map((at) => (
              <li key={at}>
                <time dateTime={at}>{timeIn(at, timezone, locale())}</time>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}
