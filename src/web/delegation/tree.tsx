import { go } from '../data/route.ts';
import { type Session, sessions } from '../data/sessions.ts';
import { Button, IconButton } from '../parts/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/dialog.tsx';
import { nameOf } from '../sessions/name.ts';
import { t } from '../text/text.ts';

/** The ways from a session to the one whose agent started it, and to those that its own agent started. */
export function TreeLinks({ session: { id, parent } }: { session: Session }) {
  const above = sessions.value.find((one) => one.id === parent?.sessionId);
  const below = sessions.value.filter((one) => one.parent?.sessionId === id);
  return (
    <>
      {above && (
        <IconButton icon="back" label={t('delegation.parent', { name: nameOf(above) })} onClick={() => go(above.id)} />
      )}
      {below.length > 0 && (
        <Button
          class="small"
          icon="fork"
          aria-label={t('delegation.children', { n: below.length })}
          onClick={() => showDialog(<Children id={id} />)}
        >
          <span class="wide-only">{t('delegation.children', { n: below.length })}</span>
          <span class="narrow-only">{below.length}</span>
        </Button>
      )}
    </>
  );
}

function Children({ id }: { id: string }) {
  const below = sessions.value.filter((one) => one.parent?.sessionId === id);
  const open = (child: string) => {
    closeDialog();
    go(child);
  };
  return (
    <Dialog title={t('delegation.title')}>
      <p class="quiet">{t('delegation.about')}</p>
      <ul class="automations">
        {below.map((child) => (
          <li key={child.id}>
            <button type="button" onClick={() => open(child.id)}>
              <strong>{nameOf(child)}</strong>
              <span class="quiet">{t(`delegation.${stateOf(child)}`)}</span>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

const stateOf = ({ status, outcome }: Session) =>
  status === 'completed' ? (outcome?.status ?? 'completed') : status === 'waiting' ? 'waiting' : 'running';
