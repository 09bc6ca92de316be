import type { Message } from '../../llm/model.ts';

const newest = 3; // what came before was seen before, and each costs as much as a page of text

/** The conversation with the bytes of its newest pictures; older ones are as good as forgotten. */
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
