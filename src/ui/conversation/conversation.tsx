import { send } from '../data/actions.ts';
import { model } from '../data/log.ts';
import { attempt } from '../parts/notice.tsx';
import { Items } from './items.tsx';

export function Conversation() {
  return (
    <>
      <Items model={model} isLive />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const text = String(new FormData(event.currentTarget).get('text'));
          void attempt('Not sent', () => send({ text }));
        }}
      >
        <textarea id="message" name="text" aria-label="Message" />
        <button type="submit">Send</button>
      </form>
    </>
  );
}
