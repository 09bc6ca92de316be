import { useState } from 'preact/hooks';
import { once, query } from '../data/server.ts';
import { Button } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { confirmFirst } from '../parts/dialog.tsx';
import { locale } from '../parts/format.ts';
import { Trouble, useTrouble } from '../parts/trouble.tsx';
import { t } from '../text/text.ts';
import { type Automation, shownAs } from './state.ts';
import { ownZone, timeIn } from './times.ts';

interface Props {
  readonly id: string;
  readonly hook: NonNullable<Automation['hook']>;
  /** Opens the automation again after a question. */
  readonly back: () => void;
}

/** Secrets that were made while this page is open, by automation, so that a question in between does not lose one. */
const made = new Map<string, string>();

/** The address for deliveries, and their secret right after it was made. */
export function HookAddress({ id, hook, back }: Props) {
  const [secret, setSecret] = useState(made.get(id));
  const [trouble, tryIt] = useTrouble();
  const address = location.origin + hook.path;
  const rotate = () =>
    tryIt(t('notSaved'), async () => {
      const answer = await once('automations.rotateSecret', { id });
      made.set(id, answer.secret);
      setSecret(answer.secret);
      shownAs(await query('automations.get', { id }));
    });
  const ask = () =>
    confirmFirst({
      title: t('automations.hook.newSecret'),
      text: t('automations.hook.rotateText'),
      yes: t('automations.hook.newSecret'),
      no: t('cancel'),
      act: () => void rotate().then(() => setTimeout(back)),
    });
  return (
    <section class="hook-address">
      <h3>{t('automations.hook.address')}</h3>
      <p>
        <code>{address}</code> <CopyButton text={address} />
      </p>
      {hook.secretAt === null ? (
        <p class="note wait">{t('automations.hook.noSecret')}</p>
      ) : (
        <p class="quiet">{t('automations.hook.since', { at: timeIn(hook.secretAt, ownZone(), locale()) })}</p>
      )}
      {secret !== undefined && (
        <p>
          {t('automations.hook.secret')} <code>{secret}</code> <CopyButton text={secret} />
        </p>
      )}
      <Trouble text={trouble} />
      <div>
        <Button icon="retry" onClick={hook.secretAt === null ? rotate : ask}>
          {t(hook.secretAt === null ? 'automations.hook.makeSecret' : 'automations.hook.newSecret')}
        </Button>
      </div>
    </section>
  );
}
