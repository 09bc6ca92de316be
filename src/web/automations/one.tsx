import { useEffect, useState } from 'preact/hooks';
import { go } from '../data/route.ts';
import { once, query } from '../data/server.ts';
import { Button } from '../parts/button.tsx';
import { closeDialog, confirmFirst, Dialog, showDialog } from '../parts/dialog.tsx';
import { duration, locale, price } from '../parts/format.ts';
import { Trouble, useTrouble } from '../parts/trouble.tsx';
import { t } from '../text/text.ts';
import { AutomationForm } from './form.tsx';
import { HookAddress } from './hook-address.tsx';
import { type AutomationStart, automations, forgotten, shownAs } from './state.ts';
import { ownZone, timeIn } from './times.ts';
import { stateOf } from './words.ts';

const lookMs = 3_000; // while starts wait or work

interface Props {
  readonly id: string;
  readonly back: () => void;
}

/** One automation: its task, its state, what can be done with it, and what has come of its starts. */
export function OneAutomation({ id, back }: Props) {
  const automation = automations.value?.find((one) => one.id === id);
  const [starts, setStarts] = useState<readonly AutomationStart[]>([]);
  const [trouble, tryIt] = useTrouble();
  const read = () =>
    tryIt(t('automations.startsUnread'), async () => setStarts(await query('automations.starts', { id })));
  useEffect(() => void read(), [id]);
  const isOpen = starts.some(({ state }) => ['queued', 'starting', 'running'].includes(state));
  useEffect(() => {
    if (!isOpen) return;
    const timer = setInterval(() => void read(), lookMs);
    return () => clearInterval(timer);
  }, [isOpen]);
  if (!automation) return null;
  const { name, message, repositories, paused } = automation;
  const self = () => showDialog(<OneAutomation id={id} back={back} />);
  const change = () => showDialog(<AutomationForm automation={automation} back={self} />);
  const start = () =>
    tryIt(t('automations.notStarted'), async () => {
      await once('automations.start', { id });
      await read();
    });
  const toggle = () =>
    tryIt(t('notSaved'), async () => shownAs(await once(paused ? 'automations.resume' : 'automations.pause', { id })));
  const remove = () =>
    confirmFirst({
      title: t('automations.delete', { name }),
      text: t('automations.deleteText'),
      yes: t('automations.deleteYes'),
      no: t('cancel'),
      act: () => {
        void once('automations.delete', { id }).then(() => forgotten(id));
        setTimeout(back);
      },
    });
  return (
    <Dialog title={name} wide>
      <p class={paused ? 'note wait' : 'quiet'}>{stateOf(automation)}</p>
      {message !== '' && <blockquote class="automation-message">{message}</blockquote>}
      {repositories.map(({ url, ref }) => (
        <p class="quiet mono" key={url}>
          {ref === undefined ? url : `${url}#${ref}`}
        </p>
      ))}
      <div class="choices start">
        <Button kind="primary" icon="play" onClick={start}>
          {t('automations.startNow')}
        </Button>
        <Button icon={paused ? 'play' : 'pause'} onClick={toggle}>
          {t(paused ? 'automations.resume' : 'automations.pause')}
        </Button>
        <Button icon="edit" onClick={change}>
          {t('automations.change')}
        </Button>
        <Button icon="trash" onClick={remove}>
          {t('automations.deleteYes')}
        </Button>
        <Button icon="back" onClick={back}>
          {t('automations.all')}
        </Button>
      </div>
      <Trouble text={trouble} />
      {automation.hook && <HookAddress id={id} hook={automation.hook} back={self} />}
      <h3>{t('automations.starts')}</h3>
      {starts.length === 0 && <p class="quiet">{t('automations.noStarts')}</p>}
      <ul class="automation-starts">
        {starts.map((start) => (
          <StartRow key={start.id} start={start} />
        ))}
      </ul>
    </Dialog>
  );
}

function StartRow({
  start: { at, cause, state, outcome, text, sessionId, cost, endedAt },
}: {
  start: AutomationStart;
}) {
  const end = state === 'ended' && outcome ? t(`automations.end.${outcome.status}`) : t(`automations.state.${state}`);
  return (
    <li>
      <time dateTime={at}>{timeIn(at, ownZone(), locale())}</time>
      <span class="quiet">{t(`automations.cause.${cause.kind}`)}</span>
      {cause.kind === 'hook' && cause.about !== '' && <span class="quiet">{cause.about}</span>}
      <strong>{end}</strong>
      {outcome?.goal && <span class="quiet">{t(`goal.${outcome.goal.result}`)}</span>}
      {endedAt !== null && <span class="quiet">{duration(Date.parse(endedAt) - Date.parse(at))}</span>}
      {cost?.cost != null && <span class="quiet">{price(cost.cost)}</span>}
      {text !== '' && <span class="quiet">{text}</span>}
      {sessionId !== null && (
        <Button
          class="small"
          onClick={() => {
            closeDialog();
            go(sessionId);
          }}
        >
          {t('automations.open')}
        </Button>
      )}
    </li>
  );
}
