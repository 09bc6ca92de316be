import type { Message } from '../../llm/model.ts';

const newest = 3; // the model has seen older pictures before, and each costs as much as a page of text

/** Loads the bytes of the conversation's newest pictures; older ones are omitted. */
export async function withPictures(
  messages: readonly Message[],
  load: (file: string) => Promise<string | undefined>,
): Promise<readonly Message[]> {
  let left = newest;
  const shown: Message[] = [];
  for (const message of messages.toReversed()) {
    if (message.role !== 'tool' || !message.pictures || left === 0) {
      shown.push(message);
      continue;
    }
    left -= 1;
    const pictures = [];
    for (const picture of message.pictures) {
      const data = await load(picture.file);
      if (data !== undefined) pictures.push({ ...picture, data });
    }
    shown.push({ ...message, pictures });
  }
  return shown.reverse();
}
