import { useEffect, useState } from 'preact/hooks';
import { parseRepository } from '../../core/text/repository-address.ts';
import { GoalTextFields } from '../conversation/goal/goal-fields.tsx';
import { mutate, query } from '../data/server.ts';
import { refOf } from '../models/model-picker.tsx';
import { inForce, offered, readModels, readOffered } from '../models/state.ts';
import { locale } from '../parts/format.ts';
import { Dialog } from '../parts/kit/dialog.tsx';
import { ChoiceField, Form, LongTextField, ManyField, TextField } from '../parts/kit/field.tsx';
import { Trouble, useTrouble } from '../parts/kit/trouble.tsx';
import { ProjectField } from '../sessions/project-field.tsx';
import { readTemplates, templateChoices, templates } from '../sessions/templates.ts';
import { readSkills, skills } from '../skills/state.ts';
import { t } from '../text/text.ts';
import { AfterFields, HookFields, type StartsChoice, toAfter, toHook, toStartsChoice } from './starts-fields.tsx';
import { type Automation, shownAs } from './state.ts';
import {
  dayName,
  findZone,
  labelOf,
  ownZone,
  parseCron,
  type ScheduleKind,
  scheduleKinds,
  timeIn,
  toCron,
  zones,
} from './times.ts';

type Goal = NonNullable<Automation['goal']>;

const goalTextsOf = (goal: Goal | null = null) => ({
  rubric: goal?.rubric ?? '',
  checks: (goal?.checks ?? []).map(({ command }) => command).join('\n'),
});

/** A check that stays keeps its time limit, and the goal its revisions, which the form does not show. Null: no goal. */
function goalOf({ rubric, checks }: ReturnType<typeof goalTextsOf>, before: Goal | null = null) {
  if (before && goalTextsOf(before).rubric === rubric && goalTextsOf(before).checks === checks) return before;
  const commands = checks.split('\n').filter((line) => line.trim() !== '');
  if (rubric.trim() === '' && commands.length === 0) return null;
  return {
    ...(rubric.trim() !== '' && { rubric }),
    checks: commands.map((command) => before?.checks.find((one) => one.command === command) ?? { command }),
    ...(before && { maxRevisions: before.maxRevisions }),
  };
}

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

/** The form of an automation: its triggers, the task of the agent, and the limits of each session. */
export function AutomationForm({ automation, back }: Props) {
  const [fields, setFields] = useState(() => ({
    name: automation?.name ?? '',
    kind: automation?.kind ?? 'run',
    repositories: (automation?.repositories ?? []).map(lineOf).join('\n'),
    message: automation?.message ?? '',
    timezone: automation?.schedule?.timezone ?? ownZone(),
    whileRunning: automation?.whileRunning ?? 'skip',
    template: automation?.template ?? '',
    model: automation?.model ?? '',
    projectId: automation?.projectId ?? '',
    skills: automation?.skills ?? [],
    ...amountsOf(automation?.budget ?? null),
  }));
  const [goal, setGoal] = useState(goalTextsOf(automation?.goal));
  const [choice, setChoice] = useState(
    parseCron(automation?.schedule?.cron ?? (automation ? undefined : '0 9 * * 1-5')),
  );
  const [starts, setStarts] = useState<StartsChoice>(toStartsChoice(automation));
  useEffect(() => {
    for (const read of [readTemplates, readModels, readOffered, readSkills]) void read().catch(() => {}); // names can be typed
  }, []);
  const cron = toCron(choice);
  const zone = findZone(fields.timezone);
  const has = (...kinds: readonly ScheduleKind[]) => kinds.includes(choice.kind);
  const isRun = fields.kind === 'run';
  const bind = <Name extends keyof typeof fields>(name: Name) => ({
    value: fields[name],
    onChange: (value: (typeof fields)[Name]) => setFields((now) => ({ ...now, [name]: value })),
  });
  const save = async () => {
    const schedule =
      cron === undefined
        ? null
        : { cron, timezone: zone ?? fields.timezone, missed: automation?.schedule?.missed ?? 'latest' };
    const numberOf = (text: string) => (text.trim() === '' ? null : Number(text));
    const limits = {
      turns: null,
      seconds: null,
      ...automation?.budget,
      ...Object.fromEntries(amountKinds.map((kind) => [kind, numberOf(fields[kind])])),
    };
    const spec = {
      name: fields.name,
      kind: fields.kind,
      message: isRun ? fields.message : '',
      goal: isRun ? goalOf(goal, automation?.goal) : null,
      repositories: repositoriesOf(fields.repositories, automation?.repositories ?? []),
      template: fields.template || null,
      model: fields.model.trim() || null,
      projectId: fields.projectId || null,
      skills: [...fields.skills],
      schedule,
      hook: toHook(starts),
      after: toAfter(starts),
      budget: Object.values(limits).some((limit) => limit !== null) ? limits : null,
      whileRunning: fields.whileRunning,
    };
    shownAs(
      automation
        ? await mutate('automations.update', { ...spec, id: automation.id, version: automation.version })
        : await mutate('automations.create', spec),
    );
    back();
  };
  const models = (offered.value ?? []).flatMap((group) => group.models.map((model) => refOf(group, model)));
  return (
    <Dialog title={t(automation ? 'automations.change' : 'automations.new')} wide>
      <Form failure={t('notSaved')} save={t('automations.save')} cancel={t('cancel')} onCancel={back} onSave={save}>
        <div class="fields">
          <TextField label={t('automations.name')} required maxLength={255} {...bind('name')} />
          <ChoiceField
            label={t('automations.kind')}
            choices={(['run', 'prebuild'] as const).map((one) => [one, t(`automations.kind.${one}`)])}
            {...bind('kind')}
          />
        </div>
        {isRun && <LongTextField label={t('automations.message')} required rows={4} {...bind('message')} />}
        <div class="fields">
          <ChoiceField
            label={t('automations.when')}
            value={choice.kind}
            choices={scheduleKinds.map((one) => [one, t(labelOf(one))])}
            onChange={(kind) => setChoice({ ...choice, kind })}
          />
          {has('weekly') && (
            <ChoiceField
              label={t('automations.day')}
              value={String(choice.day)}
              choices={[1, 2, 3, 4, 5, 6, 0].map((day) => [String(day), dayName(day, locale())])}
              onChange={(day) => setChoice({ ...choice, day: Number(day) })}
            />
          )}
          {has('daily', 'weekdays', 'weekly') && (
            <TextField
              label={t('automations.time')}
              type="time"
              required
              value={choice.time}
              onChange={(time) => setChoice({ ...choice, time })}
            />
          )}
          {has('own') && (
            <TextField
              label={t('automations.cron')}
              required
              isCode
              value={choice.cron}
              onChange={(own) => setChoice({ ...choice, cron: own })}
            />
          )}
          {!has('hand') && (
            <TextField
              label={t('automations.zone')}
              required
              offers={zones()}
              error={zone === undefined ? t('automations.noZone') : ''}
              onLeave={() => zone !== undefined && bind('timezone').onChange(zone)}
              {...bind('timezone')}
            />
          )}
        </div>
        {cron !== undefined && zone !== undefined && <NextTimes cron={cron} timezone={zone} />}
        <div class="fields">
          <HookFields choice={starts} onChange={setStarts} />
          <AfterFields choice={starts} onChange={setStarts} own={automation?.id} />
        </div>
        <LongTextField
          label={t('automations.repositories')}
          isCode
          required={!isRun}
          rows={2}
          placeholder="https://github.com/team/project.git#main"
          {...bind('repositories')}
        />
        <details class="advanced">
          <summary>{t('form.more')}</summary>
          <div class="form">
            <div class="fields">
              {isRun && templates.value.length > 1 && (
                <ChoiceField label={t('template')} choices={templateChoices(fields.template)} {...bind('template')} />
              )}
              {isRun && (
                <TextField
                  label={t('model')}
                  offers={models}
                  placeholder={inForce.value?.model ?? ''}
                  {...bind('model')}
                />
              )}
              <ProjectField {...bind('projectId')} />
            </div>
            {isRun && skills.value !== undefined && skills.value.length > 0 && (
              <ManyField
                legend={t('skills')}
                choices={skills.value.map(({ name, description }) => [
                  fields.skills.find((pin) => pin.split('@')[0] === name) ?? name,
                  name,
                  description,
                ])}
                chosen={fields.skills}
                onChange={bind('skills').onChange}
              />
            )}
            {isRun && <GoalTextFields texts={goal} onChange={setGoal} />}
            <ChoiceField
              label={t('automations.whileRunning')}
              choices={(['skip', 'queue', 'stop'] as const).map((rule) => [rule, t(`automations.${rule}`)])}
              {...bind('whileRunning')}
            />
            <div class="fields">
              {amountKinds.map((kind) => (
                <TextField
                  key={kind}
                  label={t(`automations.budget.${kind}`)}
                  inputMode={kind === 'cost' ? 'decimal' : 'numeric'}
                  pattern={kind === 'cost' ? '[0-9]*[.]?[0-9]*' : '[0-9]*'}
                  {...bind(kind)}
                />
              ))}
            </div>
          </div>
        </details>
      </Form>
    </Dialog>
  );
}

/** The server's answer, so that the form shows the actual effect. */
function NextTimes({ cron, timezone }: { cron: string; timezone: string }) {
  const [{ times, zone }, setTimes] = useState<{ times: readonly string[]; zone: string }>({
    times: [],
    zone: timezone,
  });
  const [trouble, tryIt] = useTrouble();
  useEffect(() => {
    let isOver = false;
    const timer = setTimeout(() => {
      void tryIt(t('automations.noTimes'), async () => {
        const found = await query('automations.times', { cron, timezone });
        if (!isOver) setTimes({ times: found.times, zone: timezone });
      }).then((worked) => {
        if (!worked && !isOver) setTimes({ times: [], zone: timezone });
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
                <time dateTime={at}>{timeIn(at, zone, locale())}</time>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}
