import { rename, stopRun } from '../data/actions.ts';
import { paneWidth } from '../data/prefs.ts';
import { current, currentId, type Session } from '../data/sessions.ts';
import { currentStatus, isBusy } from '../data/status.ts';
import { info } from '../data/system.ts';
import { TreeLinks } from '../delegation/tree.tsx';
import { chooseModelFor } from '../models/choose.tsx';
import { inForce, isDemo, shortName } from '../models/state.ts';
import { Button, IconButton } from '../parts/button.tsx';
import { attempt } from '../parts/notice.tsx';
import { pressedKey } from '../parts/pressed-key.ts';
import { StatusChip } from '../parts/status.tsx';
import { askDelete } from '../sessions/delete.ts';
import { nameOf } from '../sessions/name.ts';
import { t } from '../text/text.ts';
import { headerActions } from './header-actions.ts';
import { isMenuOpen, togglePane } from './layout.ts';
import { isPaletteOpen } from './palette-state.ts';
import { SessionMenu } from './session-menu.tsx';

export function Header() {
  const session = current.value;
  return (
    <header class="bar">
      <MenuButton />
      {session ? <Title key={session.id} session={session} /> : <h1>{t('newSession')}</h1>}
      {session && <ModelOf session={session} />}
      {session && <TreeLinks session={session} />}
      {currentId.value !== undefined && <StatusChip status={currentStatus.value} />}
      {isBusy.value && currentId.value !== undefined && <StopButton id={currentId.value} />}
      <span class="bar-space" />
      {session &&
        headerActions
          .filter(({ shows }) => shows?.(session) ?? true)
          .map(({ id, icon, label, run }) => (
            <IconButton key={id} class="wide-only" icon={icon} label={t(label)} onClick={() => run(session)} />
          ))}
      <IconButton class="wide-only" icon="command" label={`${t('palette')} (ctrl-k)`} onClick={openPalette} />
      {session && (
        <>
          <SessionMenu />
          <IconButton class="wide-only" icon="trash" label={t('deleteThis')} onClick={() => askDelete(session)} />
          <IconButton
            class="wide-only"
            icon="panel"
            label={paneWidth.value > 0 ? t('hideWork') : t('showWork')}
            aria-pressed={paneWidth.value > 0}
            onClick={togglePane}
          />
        </>
      )}
    </header>
  );
}

/** The session's model, which a person can change. */
function ModelOf({ session }: { session: Session }) {
  const model = session.model ?? inForce.value?.model ?? info.value?.model ?? '';
  return (
    <button
      type="button"
      class="model-of wide-only"
      title={t('models.choose')}
      aria-label={`${t('model')}: ${shortName(model)}`}
      onClick={() => chooseModelFor(session)}
    >
      {isDemo(model) ? t('models.demo') : shortName(model)}
    </button>
  );
}

function openPalette() {
  isPaletteOpen.value = true;
}

const StopButton = ({ id }: { id: string }) => (
  <Button kind="danger" class="stop" icon="stop" onClick={() => attempt(t('notStopped'), () => stopRun(id))}>
    <span>{t('stop')}</span>
  </Button>
);

/** The title is a field: Enter or leaving it renames the session, Escape restores it. */
function Title({ session }: { session: Session }) {
  const name = nameOf(session);
  const save = (node: HTMLElement) => {
    const text = (node.textContent ?? '').replace(/\s+/g, ' ').trim();
    if (text === '' || text === name) node.textContent = name;
    else void attempt(t('notSaved'), () => rename(session.id, text.slice(0, 255)));
  };
  return (
    <h1>
      <span
        key={name}
        class="title"
        dir="auto"
        role="textbox"
        tabIndex={0}
        aria-label={t('rename')}
        title={t('rename')}
        contentEditable="plaintext-only"
        spellcheck={false}
        onBlur={(event) => save(event.currentTarget)}
        onKeyDown={(event) => {
          const node = event.currentTarget;
          const key = pressedKey(event);
          if (key === 'Escape') node.textContent = name;
          if (key === 'Enter') event.preventDefault();
          if (key === 'Enter' || key === 'Escape') node.blur();
          event.stopPropagation();
        }}
      >
        {name}
      </span>
    </h1>
  );
}

const MenuButton = () => (
  <IconButton
    class="menu-button"
    icon="menu"
    label={t('menu')}
    aria-expanded={isMenuOpen.value}
    aria-controls="sidebar"
    onClick={() => {
      isMenuOpen.value = !isMenuOpen.value;
    }}
  />
);
