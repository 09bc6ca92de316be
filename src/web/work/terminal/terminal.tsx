import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { parseStreamFrames } from '../../../core/text/stream-frames.ts';
import { onSessionEvent, sessionEvents } from '../../data/log.ts';
import { fetchWithToken, mutate, query } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { toCharacterBoundary } from '../../parts/bounded-text.ts';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { EmptyState } from '../../parts/kit/empty.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import { type AgentShell, AgentShellTracker } from './agent-shells.ts';
import { TerminalScreen } from './screen.tsx';
import { ShellInputQueue } from './shell-typing.ts';

type OwnTerminalInfo = Outputs['terminals']['list'][number];
/** Chosen shell by session id. A prefix distinguishes the user's shells from the agent's. */
const chosen = signal<Readonly<Record<string, string>>>({});

export function TerminalsPane({ session: { id: sessionId } }: { session: Session }) {
  const [own, setOwn] = useState<readonly OwnTerminalInfo[]>([]);
  const shells = useAgentShells(sessionId);
  /** A terminal that the page opened automatically does not take the focus. */
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
    })().catch(() => {});
  }, [sessionId]);
  const forget = (id: string) => setOwn((all) => all.filter((one) => one.id !== id));
  const close = (id: string) =>
    tryOrNotify(t('terminal.close'), async () => {
      await mutate('terminals.close', { terminalId: id });
      forget(id);
    });
  const tabs = [
    ...own.map(({ id }, at) => ({
      key: `own ${id}`,
      label: t('terminal.own', { number: at + 1 }),
      more: <IconButton icon="close" label={t('terminal.closeOne', { number: at + 1 })} onClick={() => close(id)} />,
    })),
    ...shells.list.map(({ id, running }) => ({
      key: `agent ${id}`,
      label: [
        <span key="dot" class="dot" data-status={running === undefined ? 'new' : 'running'} />,
        t('terminal.agent', { name: id }),
      ],
      more: undefined,
    })),
  ];
  const shown = (tabs.find((tab) => tab.key === chosen.value[sessionId]) ?? tabs[0])?.key;
  const shell = shells.list.find(({ id }) => `agent ${id}` === shown);
  return (
    <section class="terminals" aria-label={t('tab.terminal')}>
      <div class="row work-bar border-bottom rigid">
        <ul class="row terminal-list fill" aria-label={t('terminal.list')}>
          {tabs.map(({ key, label, more }) => (
            <li key={key} class="row round rigid">
              <button class="row" type="button" aria-pressed={shown === key} onClick={() => choose(key)}>
                {label}
              </button>
              {more}
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
          openOwn={() => (own.length > 0 ? choose(`own ${own.at(-1)?.id}`) : open())}
        />
      )}
    </section>
  );
}

/** Updated at most once every 100 ms while the shells print. */
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

/** Another page can take the terminal over, and this page can take it back. */
function UserTerminalScreen({ id, takesFocus, onExit }: { id: string; takesFocus: boolean; onExit: () => void }) {
  const [ending, setEnding] = useState<TerminalEndReason>();
  const [turn, setTurn] = useState(0);
  return (
    <>
      <TerminalScreen
        key={turn}
        label={t('terminal.input')}
        onOpen={(terminal) => {
          const line = new UserTerminalConnection(id, {
            onData: (bytes) => terminal.write(bytes),
            onEnd: (why) => (why === 'exited' || why === 'deleted' ? onExit() : setEnding(why)),
          });
          line.resize(terminal.cols, terminal.rows);
          terminal.onResize(({ cols, rows }) => line.resize(cols, rows));
          terminal.onData((text) => line.type(text));
          if (takesFocus) terminal.focus();
          return () => line.leave();
        }}
      />
      {ending && (
        <div class="work-note row" role="status">
          {t(ending === 'replaced' ? 'terminal.replaced' : 'terminal.lost')}
          <Button
            label={t(ending === 'replaced' ? 'terminal.takeBack' : 'terminal.connectAgain')}
            onClick={() => {
              setEnding(undefined);
              setTurn(turn + 1);
            }}
          />
        </div>
      )}
    </>
  );
}

interface AgentProps {
  readonly sessionId: string;
  readonly shell: AgentShell;
  readonly all: AgentShellTracker;
  readonly onShown: () => void;
  readonly openOwn: () => unknown;
}
const lookEveryMs = 1_000;

function AgentTerminalScreen({ sessionId, shell, all, onShown, openOwn }: AgentProps) {
  const write = useRef<(text: string) => void>(() => {});
  const shown = useRef('');
  const isOpening = useRef(false);
  const running = useRef(shell);
  running.current = shell;
  useEffect(() => {
    // The text only grows, unless its beginning was dropped.
    const isMore = shell.text.startsWith(shown.current);
    write.current(isMore ? shell.text.slice(shown.current.length) : `\x1bc${shell.text}`);
    shown.current = shell.text;
  }, [shell.text, all]);
  // The log gets a waiting command's output only with the agent's next call.
  useEffect(() => {
    if (!shell.waits) return;
    const looking = setInterval(() => {
      query('terminals.viewShell', { sessionId, shellId: shell.id }).then(
        (now) => {
          all.show(shell.id, now);
          onShown();
        },
        () => {},
      );
    }, lookEveryMs);
    return () => clearInterval(looking);
  }, [shell.waits, shell.id, all]);
  const [typing] = useState(
    () =>
      new ShellInputQueue({
        send: (text) => mutate('terminals.typeIntoShell', { sessionId, shellId: shell.id, text }),
        // False for a waiting command, so that refused keys are not sent again.
        hasCommand: () => running.current.running !== undefined && !running.current.waits,
      }),
  );
  const type = (text: string) => {
    if (running.current.running === undefined) {
      // No command reads the keys, so the first key opens the user's own shell.
      if (!isOpening.current) openOwn();
      isOpening.current = true;
      return;
    }
    void tryOrNotify(t('terminal.typing'), () => typing.type(text));
  };
  return (
    <>
      <TerminalScreen
        isPlain
        label={t('terminal.agentInput', { name: shell.id })}
        onOpen={(terminal) => {
          write.current = (text) => terminal.write(text);
          terminal.write(shell.text);
          shown.current = shell.text;
          terminal.onData((text) => type(text === '\r' ? '\n' : text));
          return () => {
            write.current = () => {};
          };
        }}
      />
      <div class="work-note quiet row">
        {t(shell.waits ? 'terminal.asks' : shell.running === undefined ? 'terminal.watching' : 'terminal.mayType')}
        {shell.running === undefined && <Button label={t('terminal.ownShell')} onClick={openOwn} />}
      </div>
    </>
  );
}

type TerminalEndReason = 'exited' | 'deleted' | 'replaced' | 'session_deleted' | 'lost';

interface TerminalListener {
  onData(bytes: Uint8Array): void;
  onEnd(why: TerminalEndReason): void;
}
const typeAtOnce = 65_536;

/** Closing the connection leaves the shell running. */
class UserTerminalConnection {
  readonly #id: string;
  readonly #left = new AbortController();
  #typed = '';
  #size: { cols: number; rows: number } | undefined;
  #isSending = false;

  constructor(id: string, listener: TerminalListener) {
    this.#id = id;
    void this.#read(listener);
  }

  type(text: string): void {
    this.#typed += text;
    void this.#send();
  }

  resize(cols: number, rows: number): void {
    this.#size = { cols, rows };
    void this.#send();
  }

  leave(): void {
    this.#left.abort();
  }

  async #read({ onData, onEnd }: TerminalListener): Promise<void> {
    const { signal } = this.#left;
    try {
      const answer = await fetchWithToken(`/streams/terminals/${this.#id}`, { signal });
      if (!answer.ok || !answer.body) return onEnd(answer.status === 404 ? 'exited' : 'lost');
      for await (const { channel, payload } of parseStreamFrames(readPieces(answer.body))) {
        if (channel === 'output') onData(payload);
        if (channel !== 'end') continue;
        const { reason } = JSON.parse(new TextDecoder().decode(payload)) as { reason?: TerminalEndReason };
        return onEnd(reason ?? 'lost');
      }
      onEnd('lost');
    } catch {
      if (!signal.aborted) onEnd('lost');
    }
  }

  /** Sends one request at a time, so that input arrives in order. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const terminalId = this.#id;
    try {
      while (this.#typed !== '' || this.#size) {
        const text = this.#typed.slice(0, toCharacterBoundary(this.#typed, typeAtOnce));
        const size = this.#size;
        this.#typed = this.#typed.slice(text.length);
        this.#size = undefined;
        if (size) await mutate('terminals.resize', { terminalId, ...size });
        if (text !== '') await mutate('terminals.write', { terminalId, text });
      }
    } catch {
      this.#typed = ''; // the terminal has ended, which its output reports
    } finally {
      this.#isSending = false;
    }
  }
}

/** Also works in browsers whose streams are not iterable. */
async function* readPieces(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
