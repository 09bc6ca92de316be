import { useEffect, useRef, useState } from 'preact/hooks';
import { mutate, query } from '../../data/server.ts';
import { Button } from '../../parts/kit/button.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import type { AgentShell, AgentShellTracker } from './agent-shells.ts';
import { type TerminalEndReason, UserTerminalConnection } from './own-terminal.ts';
import { TerminalScreen } from './screen.tsx';
import { ShellInputQueue } from './shell-typing.ts';

/** Another page can take the terminal over, and this page can take it back. */
interface OwnProps {
  readonly id: string;
  readonly takesFocus: boolean;
  readonly onExit: () => void;
}
export function UserTerminalScreen({ id, takesFocus, onExit }: OwnProps) {
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
  readonly openOwn: () => void;
}
const lookEveryMs = 1_000;

/** A shell of the agent, to watch. While a command runs in it, keys are sent to that command. */
export function AgentTerminalScreen({ sessionId, shell, all, onShown, openOwn }: AgentProps) {
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
  // While a command waits for input, its further output is not logged until the agent's next call, so the page queries it.
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
        // A command that waits for input has already started, so refused keys are not sent again.
        hasCommand: () => running.current.running !== undefined && !running.current.waits,
      }),
  );
  const type = (text: string) => {
    if (running.current.running === undefined) {
      // Nothing reads these keys, so the person's own shell opens. More keys can arrive before it is ready.
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
