import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { onSessionEvent, sessionEvents } from '../../data/log.ts';
import { mutate, query } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { EmptyState } from '../../parts/kit/empty.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import { type AgentShell, AgentShellTracker } from './agent-shells.ts';
import { AgentTerminalScreen, UserTerminalScreen } from './screens.tsx';

type OwnTerminalInfo = Outputs['terminals']['list'][number];
/** Selected terminal of each session: the id of a shell, with a prefix that shows whether it is the person's or the agent's. */
const chosen = signal<Readonly<Record<string, string>>>({});

export function TerminalsPane({ session: { id: sessionId } }: { session: Session }) {
  const [own, setOwn] = useState<readonly OwnTerminalInfo[]>([]);
  const shells = useAgentShells(sessionId);
  /** A terminal that opened by itself does not take the focus. */
  const takesFocus = useRef(false);
  const choose = (key: string) => {
    takesFocus.current = true;
    chosen.value = { ...chosen.value, [sessionId]: key };
  };
  const make = async () => {
    const made = await mutate('terminals.open', { sessionId });
    setOwn((all) => [...all, made]);
    return made.id;
  };
  const open = () => tryOrNotify(t('terminal.notOpened'), async () => choose(`own ${await make()}`));
  useEffect(() => {
    void (async () => {
      const [found, { state }] = await Promise.all([
        query('terminals.list', { sessionId }),
        query('sandbox.status', { sessionId }),
      ]);
      setOwn(found);
      if (found.length === 0 && state === 'running') await make();
    })().catch(() => {}); // a person who opens a terminal with the button sees the error
  }, [sessionId]);
  const close = (id: string) =>
    tryOrNotify(t('terminal.close'), async () => {
      await mutate('terminals.close', { terminalId: id });
      setOwn((all) => all.filter((one) => one.id !== id));
    });
  const forget = (id: string) => setOwn((all) => all.filter((one) => one.id !== id));
  const keys = [...own.map(({ id }) => `own ${id}`), ...shells.list.map(({ id }) => `agent ${id}`)];
  const preferred = chosen.value[sessionId];
  const shown = preferred !== undefined && keys.includes(preferred) ? preferred : keys[0];
  const shell = shells.list.find(({ id }) => `agent ${id}` === shown);
  return (
    <section class="terminals" aria-label={t('tab.terminal')}>
      <div class="row work-bar border-bottom rigid">
        <ul class="row terminal-list fill" aria-label={t('terminal.list')}>
          {own.map(({ id }, at) => (
            <li key={id} class="row round rigid">
              <button
                class="row"
                type="button"
                aria-pressed={shown === `own ${id}`}
                onClick={() => choose(`own ${id}`)}
              >
                {t('terminal.own', { number: at + 1 })}
              </button>
              <IconButton icon="close" label={t('terminal.closeOne', { number: at + 1 })} onClick={() => close(id)} />
            </li>
          ))}
          {shells.list.map(({ id, running }) => (
            <li key={id} class="row round rigid">
              <button
                class="row"
                type="button"
                aria-pressed={shown === `agent ${id}`}
                onClick={() => choose(`agent ${id}`)}
              >
                <span class="dot" data-status={running === undefined ? 'new' : 'running'} />
                {t('terminal.agent', { name: id })}
              </button>
            </li>
          ))}
        </ul>
        <IconButton icon="plus" label={t('terminal.new')} onClick={open} />
      </div>
      {shown === undefined && (
        <EmptyState text={t('terminal.none')}>
          <Button icon="terminal" label={t('terminal.new')} onClick={open} />
        </EmptyState>
      )}
      {shown?.startsWith('own ') && (
        <UserTerminalScreen
          key={shown}
          id={shown.slice(4)}
          takesFocus={takesFocus.current}
          onExit={() => forget(shown.slice(4))}
        />
      )}
      {shell && (
        <AgentTerminalScreen
          key={shown}
          sessionId={sessionId}
          shell={shell}
          all={shells.all}
          onShown={shells.redraw}
          openOwn={open}
        />
      )}
    </section>
  );
}

/** Redrawn at most ten times a second while the shells print. */
function useAgentShells(sessionId: string) {
  const [all, setAll] = useState(() => new AgentShellTracker());
  const [list, setList] = useState<readonly AgentShell[]>([]);
  useEffect(() => {
    const made = new AgentShellTracker();
    for (const event of sessionEvents) made.take(event);
    setAll(made);
    setList(made.list());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = onSessionEvent((event) => {
      if (!made.take(event)) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        setList(made.list());
      }, 100);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [sessionId]);
  return { all, list, redraw: () => setList(all.list()) };
}
